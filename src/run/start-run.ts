import type { CatalogLock } from "../contract/catalog-lock.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { compileDataSchema } from "../contract/data-schema.ts";
import { isImplicitRunbook } from "../contract/implicit-runbook.ts";
import { readBackProblems } from "../contract/read-back.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook } from "../contract/runbook.ts";
import { type Digest, digestOf, hexOf } from "../format/digest.ts";
import type { JsonObject } from "../format/json.ts";
import { noteKeyText } from "../format/signed-note.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkAuthorization } from "../gate/check-authorization.ts";
import { engagementStream } from "../ledger/streams.ts";
import { appendReceipt } from "./append-receipt.ts";
import { pinDefinition, pinEnvelope, pinJson } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { runParts } from "./receipt-entry.ts";
import { recordAdmissionDenied } from "./record-governance.ts";
import { RunError } from "./run-error.ts";

/** What somebody asks to be run. */
export interface RunRequest {
  readonly runbook: Runbook;
  readonly engagement: string;
  readonly inputs: JsonObject;
  /** Principal id of who asks. */
  readonly requester: string;
  /** Default: the runbook's objective. */
  readonly objective?: string;
  readonly ticket?: string;
  /** Contracts that are not in the lock, by reference: an authoring run, lab engagements only. */
  readonly drafts?: ReadonlyMap<string, { contract: Contract; digest: Digest }>;
}

export type StartResult =
  | { readonly started: true; readonly run: string; readonly document: RunDocument }
  | {
      readonly started: false;
      readonly reason: string;
      readonly problems: readonly string[];
      readonly receipt: Digest;
    };

/** A run made ready: what it would pin, and what stands against admitting it. */
export interface PreparedRun {
  readonly document: RunDocument;
  readonly documentDigest: Digest;
  readonly lab: boolean;
  /** Documents to pin, the run document among them. */
  readonly pins: readonly { digest: Digest; bytes: Uint8Array }[];
  readonly problems: readonly string[];
}

/**
 * Loads and pins every definition of a run by digest and lists all that stands against it. Records nothing.
 *
 * @throws RunError `INPUTS_REFUSED`; ContractError for malformed definitions.
 */
export async function prepareRun(lane: Lane, request: RunRequest): Promise<PreparedRun> {
  const { definitions } = lane;
  const { runbook } = request;
  const inputs = checkRunInputs(runbook, request.inputs);
  const engagement = definitions.engagement(request.engagement);
  const principals = definitions.principals();
  const policies = definitions.policies();
  const lock = definitions.lock();
  const { contracts, problems } = loadContracts(lane, request, lock);

  const pin = {
    runbook: pinDefinition(runbook),
    engagement: pinDefinition(engagement),
    principals: pinDefinition(principals),
    policies: pinDefinition(policies),
    lock: pinDefinition(lock),
  };
  const now = utcFromMillis(lane.clock());
  const authorization = definitions.authorization(request.engagement);
  const digests = [pin.engagement, pin.principals, pin.policies, pin.lock].map(({ digest }) => digest);
  if (authorization === undefined) problems.push(`no owner has authorized engagement \`${engagement.id}\``);
  else problems.push(...(await checkAuthorization(authorization, { engagement, principals, digests, now })));
  const signed = authorization === undefined ? undefined : pinEnvelope(authorization);
  if (signed !== undefined && lane.store.status(`authorization:${engagement.id}`) !== signed.digest) {
    problems.push(
      `the authorization record of \`${engagement.id}\` is not the newest in the ledger: authorize it again`,
    );
  }
  const status = lane.store.status(`engagement:${engagement.id}`);
  if (status !== undefined) problems.push(`engagement \`${engagement.id}\` is ${status}`);
  const letters = engagement.authorizations.filter(({ kind }) => kind === "letter");
  const kept = letters.length === 0 ? undefined : definitions.letters(engagement.id);
  for (const { id, letterDigest } of letters) {
    if (letterDigest !== undefined && kept?.has(letterDigest as Digest) !== true)
      problems.push(`the letter of \`${id}\` is not kept with the engagement, or was changed`);
  }
  const draft = (request.drafts?.size ?? 0) > 0;
  if (engagement.environment !== "lab")
    problems.push(...runbookProblems(runbook, pin.runbook.digest, lock, contracts));
  if (draft && engagement.environment !== "lab")
    problems.push("a draft contract runs in a lab engagement only");

  const promised = promisedLog(lane);
  // What cannot be kept is not promised.
  if (promised !== undefined && lane.log?.refusal !== undefined)
    problems.push(`the log cannot be continued: ${lane.log.refusal.message}`);

  const ticket = request.ticket ?? engagement.ticket;
  const document: RunDocument = {
    schema: "witnessops/run/v1",
    run: lane.randomHex(8),
    runbook: { id: runbook.id, version: runbook.version, digest: pin.runbook.digest },
    engagement: { id: engagement.id, version: engagement.version, digest: pin.engagement.digest },
    principals: pin.principals.digest,
    policies: pin.policies.digest,
    catalogLock: pin.lock.digest,
    authorization: signed?.digest ?? NO_AUTHORIZATION,
    contracts: [...contracts.values()].map(({ contract, digest }) => ({
      id: contract.id,
      version: contract.version,
      digest,
    })),
    inputs,
    requester: request.requester,
    objective: request.objective ?? runbook.objective,
    ...(ticket === undefined ? {} : { ticket }),
    ...(runbook.technique === undefined ? {} : { technique: runbook.technique }),
    draft,
    steps: runbook.steps.map((step) => step.id),
    requiredLayers: promised === undefined ? [] : ["log"],
    ...(promised === undefined ? {} : { log: promised }),
    openedAt: now,
  };
  const pinned = pinJson(document);
  return {
    document,
    documentDigest: pinned.digest,
    lab: engagement.environment === "lab",
    pins: [
      ...Object.values(pin),
      ...(signed === undefined ? [] : [signed]),
      pinned,
      ...[...contracts.values()].map(({ contract }) => pinDefinition(contract)),
    ],
    problems,
  };
}

/** Stands where a plan has no authorization record to name; such a run is never opened. */
const NO_AUTHORIZATION = digestOf("no authorization record");

/**
 * Opens a run: pins every definition and commits `run-opened`. What the engagement does not admit is refused
 * as a value, with an `admission-denied` receipt.
 *
 * @throws RunError `INPUTS_REFUSED`; ContractError for malformed definitions; StoreError when it cannot be
 *   recorded.
 */
export async function startRun(lane: Lane, request: RunRequest): Promise<StartResult> {
  const prepared = await prepareRun(lane, request);
  const { document, problems } = prepared;
  if (problems.length > 0) {
    const runbook = `${document.runbook.id}@${document.runbook.version}`;
    const detail = { reason: "not-admitted", runbook, problems };
    const receipt = await recordAdmissionDenied(lane, request.requester, document.engagement.id, detail);
    return { started: false, reason: detail.reason, problems, receipt: receipt.digest };
  }
  const parts = runParts(document, lane.origin, prepared.lab);
  const lower = lane.log?.witnessed(lane.clock());
  const result = await appendReceipt(
    lane,
    engagementStream(document.engagement.id),
    {
      event: "run-opened",
      subject: [{ name: "run", digest: { sha256: hexOf(prepared.documentDigest) } }],
      lowerBound: lower?.digest,
      predicate: { ...parts, detail: { run: document.run, document: prepared.documentDigest } },
    },
    {
      change: {
        documents: [...unpinned(lane, prepared.pins), ...(lower === undefined ? [] : [lower])],
        openRun: { run: document.run, document: prepared.documentDigest },
      },
    },
  );
  if (!result.ok)
    throw new RunError({ code: "RUN_CONTENDED", message: `the run was not opened: ${result.conflict}` });
  return { started: true, run: document.run, document };
}

/**
 * What stands against the runbook itself: outside of a lab it is one that the owner authorized with the lock, or the
 * implicit one of a contract.
 */
function runbookProblems(runbook: Runbook, digest: Digest, lock: CatalogLock, contracts: Loaded): string[] {
  const reference = `${runbook.id}@${runbook.version}`;
  const locked = lock.runbooks?.[reference];
  if (locked === digest) return [];
  const [only] = runbook.steps;
  const contract = only === undefined ? undefined : contracts.get(only.uses)?.contract;
  if (locked === undefined && contract !== undefined && isImplicitRunbook(runbook, contract)) return [];
  return [
    locked === undefined
      ? `runbook \`${reference}\` is not in the catalog lock: lock it, and let the owner authorize the engagement again`
      : `runbook \`${reference}\` differs from the catalog lock: give it a new version, then lock it`,
  ];
}

/** The log that runs opened now are promised to be in. */
function promisedLog({ log }: Lane): RunDocument["log"] {
  return log?.isPromised ? { origin: log.key.name, key: noteKeyText(log.key) } : undefined;
}

type Loaded = Map<string, { contract: Contract; digest: Digest }>;

/** The contracts that the runbook names: from the lock, or drafts that the request brings. */
function loadContracts(
  lane: Lane,
  request: RunRequest,
  lock: CatalogLock,
): { contracts: Loaded; problems: string[] } {
  const contracts: Loaded = new Map();
  const problems: string[] = [];
  // A read-back is pinned with the contract whose doubt it settles: the set grows while it is walked.
  const wanted = new Set(request.runbook.steps.map((step) => step.uses));
  const take = (uses: string, found: { contract: Contract; digest: Digest }): void => {
    contracts.set(uses, found);
    const confirm = found.contract.execution.confirm?.uses;
    if (confirm !== undefined) wanted.add(confirm);
  };
  for (const uses of wanted) {
    const draft = request.drafts?.get(uses);
    if (draft !== undefined) {
      take(uses, draft);
      continue;
    }
    const locked = lock.contracts[uses];
    if (locked === undefined) {
      problems.push(`contract \`${uses}\` is not in the catalog lock`);
      continue;
    }
    const found = lane.definitions.contract(uses);
    if (found.digest === locked) take(uses, found);
    else
      problems.push(
        `contract \`${uses}\` differs from the catalog lock: give it a new version, then lock it`,
      );
  }
  for (const { contract } of contracts.values()) {
    const confirm = contract.execution.confirm?.uses;
    const reading = confirm === undefined ? undefined : contracts.get(confirm)?.contract;
    for (const problem of reading === undefined ? [] : readBackProblems(reading))
      problems.push(`contract \`${confirm}\`, which \`${referenceOf(contract)}\` confirms with, ${problem}`);
  }
  return { contracts, problems };
}

/** Checks a run's inputs against the runbook, with defaults applied. @throws RunError `INPUTS_REFUSED`. */
export function checkRunInputs(runbook: Runbook, given: JsonObject): JsonObject {
  const schema = compileDataSchema(runbook.inputs);
  const inputs = schema.applyDefaults(given) as JsonObject;
  const faults = schema.check(inputs);
  if (faults.length === 0) return inputs;
  throw new RunError({
    code: "INPUTS_REFUSED",
    message: faults.map((fault) => `input \`${fault.path || "/"}\`: ${fault.message}`).join("\n"),
    hint: `witnessops runbook show ${runbook.id}`,
  });
}

// Definitions rarely change between runs; asking for their presence is cheaper than writing them again.
function unpinned<T extends { digest: Digest }>(lane: Lane, pins: readonly T[]): T[] {
  return pins.filter((pin) => !lane.pinned.has(pin.digest));
}
