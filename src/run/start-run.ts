import { checkAuthorization } from "../gate/check-authorization.ts";
import { compileDataSchema } from "../contract/data-schema.ts";
import type { Contract } from "../contract/contract.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook } from "../contract/runbook.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { JsonObject } from "../format/json.ts";
import { utcFromMillis } from "../format/time.ts";
import { engagementStream } from "../ledger/streams.ts";
import { appendReceipt } from "./append-receipt.ts";
import { pinEnvelope, pinJson } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { governanceEntry, runParts } from "./receipt-entry.ts";
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
  | { readonly started: false; readonly reason: string; readonly problems: readonly string[]; readonly receipt: Digest };

/**
 * Opens a run: pins every definition by digest and commits `run-opened`. What the engagement does not admit
 * is refused as a value, with an `admission-denied` receipt.
 *
 * @throws RunError `INPUTS_REFUSED`; ContractError for malformed definitions; StoreError when it cannot be
 *   recorded.
 */
export async function startRun(lane: Lane, request: RunRequest): Promise<StartResult> {
  const { definitions } = lane;
  const { runbook } = request;
  const inputs = checkRunInputs(runbook, request.inputs);
  const engagement = definitions.engagement(request.engagement);
  const principals = definitions.principals();
  const policies = definitions.policies();
  const lock = definitions.lock();

  const problems: string[] = [];
  const contracts = new Map<string, { contract: Contract; digest: Digest }>();
  for (const { uses } of runbook.steps) {
    const found = request.drafts?.get(uses) ?? (uses in lock.contracts ? definitions.contract(uses) : undefined);
    if (found === undefined) problems.push(`contract \`${uses}\` is not in the catalog lock`);
    else if (request.drafts?.has(uses) !== true && lock.contracts[uses] !== found.digest) {
      problems.push(`contract \`${uses}\` differs from the catalog lock: change its version or lock it again`);
    } else contracts.set(uses, found);
  }

  const documents = {
    runbook: pinJson(runbook),
    engagement: pinJson(engagement),
    principals: pinJson(principals),
    policies: pinJson(policies),
    lock: pinJson(lock),
  };
  const now = utcFromMillis(lane.clock());
  const authorization = definitions.authorization(request.engagement);
  if (authorization === undefined) {
    problems.push(`no owner has authorized engagement \`${engagement.id}\``);
  } else {
    const checked = await checkAuthorization(authorization, {
      engagement,
      principals,
      digests: [documents.engagement, documents.principals, documents.policies, documents.lock].map((pin) => pin.digest),
      now,
    });
    problems.push(...checked);
  }
  const status = lane.store.status(`engagement:${engagement.id}`);
  if (status !== undefined) problems.push(`engagement \`${engagement.id}\` is ${status}`);
  if ((request.drafts?.size ?? 0) > 0 && engagement.environment !== "lab") {
    problems.push("a draft contract runs in a lab engagement only");
  }
  if (problems.length > 0 || authorization === undefined) {
    const detail = { reason: "not-admitted", runbook: `${runbook.id}@${runbook.version}`, problems };
    const receipt = await recordAdmissionDenied(lane, request.requester, engagement.id, detail);
    return { started: false, reason: detail.reason, problems, receipt: receipt.digest };
  }

  const signed = pinEnvelope(authorization);
  const document: RunDocument = {
    schema: "witnessops/run/v1",
    run: lane.randomHex(8),
    runbook: { id: runbook.id, version: runbook.version, digest: documents.runbook.digest },
    engagement: { id: engagement.id, version: engagement.version, digest: documents.engagement.digest },
    principals: documents.principals.digest,
    policies: documents.policies.digest,
    catalogLock: documents.lock.digest,
    authorization: signed.digest,
    contracts: [...contracts.values()].map(({ contract, digest }) => ({
      id: contract.id,
      version: contract.version,
      digest,
    })),
    inputs,
    requester: request.requester,
    objective: request.objective ?? runbook.objective,
    ...withTicket(request.ticket ?? engagement.ticket),
    ...(runbook.technique === undefined ? {} : { technique: runbook.technique }),
    draft: (request.drafts?.size ?? 0) > 0,
    steps: runbook.steps.map((step) => step.id),
    requiredLayers: [],
    openedAt: now,
  };
  const opened = pinJson(document);
  const pins = [...Object.values(documents), signed, opened, ...[...contracts.values()].map(({ contract }) => pinJson(contract))];
  const { run: _run, ...parts } = runParts(document, lane.origin, engagement.environment === "lab");
  const entry = governanceEntry({
    event: "run-opened",
    actor: parts.actor,
    objective: document.objective,
    requestId: document.run,
    subject: [{ name: "run", digest: { sha256: hexOf(opened.digest) } }],
    detail: { run: document.run, document: opened.digest },
    parts: { ...parts, run: document.run },
  });
  const result = await appendReceipt(lane, engagementStream(engagement.id), entry, {
    change: { documents: unpinned(lane, pins), openRun: { run: document.run, document: opened.digest } },
  });
  if (!result.ok) throw new RunError({ code: "RUN_CONTENDED", message: `the run was not opened: ${result.conflict}` });
  return { started: true, run: document.run, document };
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

function withTicket(ticket: string | undefined): { ticket?: string } {
  return ticket === undefined ? {} : { ticket };
}

// Definitions rarely change between runs; asking for their presence is cheaper than writing them again.
function unpinned<T extends { digest: Digest }>(lane: Lane, pins: readonly T[]): T[] {
  return pins.filter((pin) => lane.store.document(pin.digest) === undefined);
}
