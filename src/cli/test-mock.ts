import { mkdirSync, mkdtempSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RESULT_ARTIFACT } from "../contract/artifact.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { mapAgain } from "../contract/map-again.ts";
import { pinnedOperation } from "../contract/openapi/draft-openapi-contract.ts";
import type { Operation } from "../contract/openapi/operation.ts";
import type { Open } from "../evidence/age.ts";
import { INLINE_BYTES } from "../evidence/artifact-sink.ts";
import { readSalted } from "../evidence/salted.ts";
import { collectBytes } from "../format/byte-source.ts";
import { canonicalBytes, parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import type { DeniedReport, StepReport } from "../verifier/index.ts";
import { refused } from "./cli-error.ts";
import { type ContractTest, contractTest, type TestedCase, testedCase } from "./contract-test.ts";
import { callMock } from "./mock/call-mock.ts";
import { type Generator, loadGenerator } from "./mock/load-generator.ts";
import { makeInputs } from "./mock/make-inputs.ts";
import { firstSuccess, type MockCase, mockCases } from "./mock/mock-cases.ts";
import { type Meeting, mockNetwork } from "./mock/mock-network.ts";
import { type MockWorkspace, openMockWorkspace } from "./mock/mock-workspace.ts";
import { readOperation, writeOperation } from "./operation-files.ts";
import { verifyRuns } from "./verify-runs.ts";

/**
 * Tests a contract against a mock made from the vendor's description that it pins: each answer that the description has,
 * the usual errors, and connections that fail. The calls go through all gates in a workspace that is thrown away; nothing
 * leaves this process.
 *
 * @param given inputs that somebody said; the others are generated.
 * @throws CliError `REFUSED` when there is no description to make a mock of, or no generator.
 */
export async function testMock(
  definitions: WorkspaceDefinitions,
  contract: Contract,
  given: JsonObject,
  progress: (line: string) => void,
): Promise<ContractTest> {
  const operation = operationOf(definitions.root, contract);
  if (operation === undefined)
    throw refused(
      `\`${referenceOf(contract)}\` pins no operation that lies in \`operations/\`: there is no description to make a mock of`,
      "test it with recorded calls, or with `--live` in a lab engagement",
    );
  const generator = await loadGenerator();
  const { inputs, subjects } = makeInputs(contract, given, generator);
  const cases = mockCases(operation.operation, generator);
  const back = readBackOf(definitions, contract);
  const folder = mkdtempSync(join(tmpdir(), "witnessops-mock-"));
  const pinned = [operation, back === undefined ? undefined : operationOf(definitions.root, back)].filter(
    (one) => one !== undefined,
  );
  for (const { digest, operation: value } of pinned) writeOperation(folder, digest, canonicalBytes(value));
  let meeting: Meeting = { code: "ECONNREFUSED", phase: "connect" };
  const mock = await openMockWorkspace(folder, {
    contract,
    contracts: back === undefined ? [contract] : [contract, back],
    targets: subjects,
    policies: definitions.policies(),
    openNetwork: (rules) => mockNetwork(rules, meeting),
  });
  try {
    const bare = join(folder, "bare");
    mkdirSync(bare);
    const runs: string[] = [];
    for (const one of cases) {
      progress(`mock ${one.name}`);
      meeting = withReadBack(one.meeting, pinned[1]?.operation, generator);
      const lane = one.isUndefined === true ? { ...mock.lane, root: bare } : mock.lane;
      runs.push(await callMock(mock, lane, contract, inputs));
    }
    const { verdict, reasons, steps, denied } = await verifyRuns(mock.lane, runs, mock.trust, mock.open);
    const found: { one: MockCase; tested: TestedCase; faults: ResultFaults | undefined }[] = [];
    for (const [index, one] of cases.entries()) {
      const step = steps.find(
        ({ invocation, readBack }) => readBack === undefined && invocation.startsWith(`${runs[index]}/`),
      );
      const refusal = denied.find(({ receipt }) => receipt === step?.receipt);
      const faults = await resultFaults(mock, contract, inputs, step);
      found.push({ one, tested: testedCase(one.name, step, problemOf(one, step, refusal)), faults });
    }
    return contractTest(contract, {
      against: `a mock of \`${operation.operation.api}\`, made by ${generator.name} from ${operation.digest}`,
      inputs,
      subjects,
      cases: found.map(({ one, tested, faults }) => explained(one, tested, faults)),
      problems: [
        ...(found.some(({ one, tested }) => one.kind === "success" && tested.outcome === "executed")
          ? []
          : ["no answer of the description was mapped"]),
        ...(verdict === "valid"
          ? []
          : [`the calls are no proof: ${[verdict, ...reasons.slice(0, 3)].join(", ")}`]),
      ],
    });
  } finally {
    mock.close();
  }
}

/** Why an answer was not mapped. `unfit`: the generated answer does not fit the description, so that it proves nothing. */
interface ResultFaults {
  readonly unfit: boolean;
  readonly faults: readonly string[];
}

async function resultFaults(
  { lane, open }: MockWorkspace,
  contract: Contract,
  inputs: JsonObject,
  step: StepReport | undefined,
): Promise<ResultFaults | undefined> {
  if (step?.errorClass !== "OUTPUT_CONTRACT_VIOLATION") return undefined;
  const artifact = step.artifacts.find(({ id }) => id.endsWith(`/${RESULT_ARTIFACT}`));
  const stored = artifact === undefined ? undefined : lane.store.blob(artifact.digest as Digest);
  const bytes = stored === undefined || open === undefined ? stored : await openResult(open, stored);
  const captured = bytes === undefined ? undefined : parseJson(bytes);
  if (captured === undefined || !isJsonObject(captured)) return undefined;
  const { error } = captured;
  if (isJsonObject(error)) return { unfit: true, faults: [String(error.message)] };
  const mapped = mapAgain(contract, inputs, captured);
  return { unfit: false, faults: mapped.exit === "faulty" ? mapped.faults : [] };
}

async function openResult(open: Open, stored: Uint8Array): Promise<Uint8Array | undefined> {
  const plaintext = await open(ReadableStream.from([stored]));
  return plaintext && collectBytes(readSalted(plaintext).bytes, INLINE_BYTES);
}

/** A case with the faults of its answer in words; one whose answer the generator got wrong is left out of account. */
function explained(one: MockCase, tested: TestedCase, found: ResultFaults | undefined): TestedCase {
  if (one.kind !== "success" || found === undefined) return tested;
  const { problem, ...rest } = tested;
  const why = found.faults.join("; ").slice(0, 500);
  return found.unfit
    ? { ...rest, note: `the generated answer does not fit the description: ${why}` }
    : { ...tested, problem: `${problem}: ${why}` };
}

/** An answer that the description has must be mapped, and an error that it names must have a class. */
function problemOf(
  { kind }: MockCase,
  step: StepReport | undefined,
  refusal: DeniedReport | undefined,
): string | undefined {
  const { outcome = "no receipt", errorClass } = step ?? {};
  if (refusal !== undefined) return `denied by the gate \`${refusal.gate}\`: ${refusal.reason}`;
  if (kind === "success" && outcome !== "executed")
    return `the description has this answer, and it ended as ${errorClass ?? outcome}`;
  if (kind === "error" && errorClass === "UNDECLARED_ERROR")
    return "the description has this error, and no class of the contract is for it";
  return step === undefined ? "no receipt tells how it ended" : undefined;
}

function operationOf(
  root: string,
  contract: Contract,
): { readonly digest: Digest; readonly operation: Operation } | undefined {
  const digest = pinnedOperation(contract) as Digest | undefined;
  const operation = digest === undefined ? undefined : readOperation(root, digest);
  return digest === undefined || operation === undefined ? undefined : { digest, operation };
}

/** The contract by which a doubt is read back. @throws DefinitionsError when the catalog has none. */
function readBackOf(definitions: WorkspaceDefinitions, { execution }: Contract): Contract | undefined {
  const uses = execution.confirm?.uses;
  return uses === undefined ? undefined : (definitions.draft(uses) ?? definitions.contract(uses)).contract;
}

/** Requests of the read-back are answered as its own description says. */
function withReadBack(meeting: Meeting, back: Operation | undefined, generator: Generator): Meeting {
  if (back === undefined || !("listener" in meeting)) return meeting;
  const listener: RequestListener = (request, response) => {
    const isBack = request.method === back.method && pathOf(back).test(request.url?.split("?", 1)[0] ?? "");
    (isBack ? firstSuccess(back, generator) : meeting.listener)(request, response);
  };
  return { listener };
}

function pathOf({ path }: Operation): RegExp {
  const parts = path.split(/\{[^}]+\}/).map((text) => RegExp.escape(text));
  return new RegExp(`${parts.join("[^/]+")}$`);
}
