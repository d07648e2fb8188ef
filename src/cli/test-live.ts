import { type Contract, referenceOf } from "../contract/contract.ts";
import { implicitRunbook } from "../contract/implicit-runbook.ts";
import type { Open } from "../evidence/age.ts";
import type { Digest } from "../format/digest.ts";
import type { JsonObject } from "../format/json.ts";
import { planRun } from "../run/plan-run.ts";
import type { RunView } from "../run/view-run.ts";
import type { Report } from "../verifier/index.ts";
import { CliError, refused } from "./cli-error.ts";
import type { Context, Result } from "./command.ts";
import { type ContractTest, contractTest, printContractTest, testedCase } from "./contract-test.ts";
import { exit } from "./exit.ts";
import { acceptInputs } from "./mock/make-inputs.ts";
import { withLane } from "./open-lane.ts";
import { requestOf } from "./run-request.ts";
import { startAndDrive } from "./start-and-drive.ts";
import { verifyRuns } from "./verify-runs.ts";
import { workspaceTrust } from "./workspace-trust.ts";

/** A real call that somebody asks for, and what they consent to. */
export interface LiveTest {
  readonly contract: Contract;
  readonly digest: Digest;
  readonly inputs: JsonObject;
  readonly consent: readonly string[];
  readonly effect: string | undefined;
  readonly engagement: string | undefined;
  readonly as: string | undefined;
  /** Opens a sealed result; without it such a call is no proof here. */
  readonly open: Open | undefined;
}

/**
 * Tests a contract with one real call: in a lab engagement, with the consent of who asks to just the targets that the plan
 * shows, through all gates, and receipted like any other.
 *
 * @throws CliError `INPUT_MALFORMED`, and `REFUSED` before anything is called or recorded.
 */
export async function testLive(asked: LiveTest, context: Context): Promise<Result> {
  const { contract, digest, inputs: given } = asked;
  const reference = referenceOf(contract);
  const accepted = acceptInputs(contract, given);
  if ("faults" in accepted) {
    const [message = "the inputs are not accepted", ...faults] = accepted.faults;
    throw new CliError({
      code: "INPUT_MALFORMED",
      message,
      faults,
      hint: "give them with `--with <name=value>`",
    });
  }
  return withLane(context, async ({ lane, definitions }) => {
    const owner = definitions.workspace().owner;
    const runbook = implicitRunbook(contract, Object.keys(given), owner, "internal", contract.purpose);
    const { engagement, as } = asked;
    const wanted = { engagement, as, objective: `test ${reference}`, ticket: undefined };
    const request = requestOf(definitions, runbook, given, wanted);
    const { environment } = definitions.engagement(request.engagement);
    if (environment !== "lab")
      throw refused(
        `engagement \`${request.engagement}\` is ${environment}: a contract is tested live in a lab engagement`,
        "witnessops engagement new <id> --environment lab --include <target>",
      );
    const isLocked = definitions.lock().contracts[reference] === digest;
    const drafts = isLocked ? {} : { drafts: new Map([[reference, { contract, digest }]]) };
    const plan = await planRun(lane, { ...request, ...drafts });
    const targets = plan.steps[0]?.action?.subjects.map(({ kind, value }) => `${kind}:${value}`);
    checkConsent(asked, targets ?? accepted.subjects);
    const view = await startAndDrive(lane, definitions, { ...request, ...drafts }, context);
    const step = view.steps[0];
    if (view.state === "waiting") return waiting(view, reference);
    const report = await verifyRuns(lane, [view.run], workspaceTrust(lane.root), asked.open);
    const test = testOf(asked, accepted, report);
    return {
      exit: test.problems.length === 0 ? exit.done : exit.refused,
      json: { ...test, run: view.run, receipt: step?.receipt },
      print(out) {
        printContractTest(out, test);
        out.pairs([
          ["run", view.run],
          ["receipt", step?.receipt],
        ]);
      },
    };
  });
}

/** @throws CliError `REFUSED` unless every target, and no other, was consented to, and the effect where it is more than `read`. */
function checkConsent({ contract, consent, effect }: LiveTest, targets: readonly string[]): void {
  const plan = `the plan: one call of \`${referenceOf(contract)}\`, effect ${contract.effect}, about ${targets.map((one) => `\`${one}\``).join(", ")}`;
  const words = [
    ...targets.map((one) => `--consent '${one}'`),
    ...(contract.effect === "read" ? [] : [`--effect ${contract.effect}`]),
  ].join(" ");
  const deny = (message: string) =>
    new CliError({
      code: "REFUSED",
      faults: [plan],
      message,
      hint: `nothing was called; when that is what you want and you may: ${words}`,
    });
  const without = targets.find((one) => !consent.includes(one));
  if (without !== undefined) throw deny(`nobody consented to \`${without}\``);
  const beyond = consent.find((one) => !targets.includes(one));
  if (beyond !== undefined) throw deny(`\`${beyond}\` is no target of this call`);
  if (effect === undefined && contract.effect !== "read")
    throw deny(`\`${referenceOf(contract)}\` does more than read: \`--effect\` must repeat its effect`);
  if (effect !== undefined && effect !== contract.effect)
    throw deny(`the effect of \`${referenceOf(contract)}\` is ${contract.effect}, not ${effect}`);
}

function testOf(
  { contract }: LiveTest,
  { inputs, subjects }: { readonly inputs: JsonObject; readonly subjects: readonly string[] },
  { verdict, reasons, steps }: Report,
): ContractTest {
  const step = steps.find(({ readBack }) => readBack === undefined);
  const ended = step?.errorClass ?? step?.outcome ?? "nothing";
  const problem = step?.outcome === "executed" ? undefined : `the call ended as ${ended}`;
  return contractTest(contract, {
    against: contract.system?.name ?? "the external system",
    inputs,
    subjects,
    cases: [testedCase("live", step, problem)],
    problems:
      verdict === "valid" ? [] : [`the call is no proof: ${[verdict, ...reasons.slice(0, 3)].join(", ")}`],
  });
}

function waiting(view: RunView, reference: string): Result {
  return {
    exit: exit.waiting,
    json: { contract: reference, run: view.run, waitingFor: view.steps[0]?.waitingFor },
    print(out) {
      out.line(`run ${view.run} waits for ${view.steps[0]?.waitingFor?.what ?? "somebody"}. Then:`);
      out.line(`  witnessops run resume ${view.run}`);
      out.line(`  witnessops catalog test ${reference} --run ${view.run}`);
    },
  };
}
