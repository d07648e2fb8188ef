import { GATE_RECORD } from "../contract/artifact.ts";
import { type GateRecord, gateRecordSchema } from "../contract/gate-record.ts";
import type { Invocation, ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { recordExceptions } from "../contract/record-exceptions.ts";
import { digestOfJson } from "../format/digest.ts";
import { sameJson } from "../format/json.ts";
import { artifactPath, type Bundle } from "./bundle.ts";
import { documentFaults, type Fault, parseDocument, placed } from "./check-document.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";

/** What the gates must have decided for an event to follow. */
const decisionOfEvent: Readonly<Partial<Record<ReceiptPredicate["event"], GateRecord["decision"]>>> = {
  "step-executed": "allow",
  "step-failed": "allow",
  "step-dispatched": "allow",
  "step-in-doubt": "allow",
  "step-paused": "pause",
  "step-denied": "deny",
};

/** Digest of the gate record that a receipt is about; undefined when its event has none. */
export function gateRecordDigest({ subject }: Receipt): string | undefined {
  const found = subject.find(({ name }) => name.endsWith(`/${GATE_RECORD}`));
  return found === undefined ? undefined : `sha256:${found.digest.sha256}`;
}

/** How many gate records are kept read: several layers ask for the same. */
const MAX_KEPT = 5000;
const kept = new WeakMap<Bundle, Map<string, GateRecord>>();

/** Reads a gate record out of the bundle's artifacts; undefined when absent or not one. */
export async function readGateRecord(bundle: Bundle, digest: string): Promise<GateRecord | undefined> {
  const opened = await openRecord(bundle, digest);
  return "record" in opened ? opened.record : undefined;
}

async function openRecord(
  bundle: Bundle,
  digest: string,
): Promise<{ record: GateRecord } | { faults: readonly Fault[] }> {
  const known = kept.get(bundle) ?? new Map<string, GateRecord>();
  kept.set(bundle, known);
  const before = known.get(digest);
  if (before !== undefined) return { record: before };
  const bytes = await bundle.artifact(digest);
  if (bytes === undefined) {
    const message = "the gate record is absent, changed or too large";
    return { faults: [{ code: "FAILURE_COMPLETENESS", message }] };
  }
  const parsed = parseDocument(bytes);
  const faults = "fault" in parsed ? [parsed.fault] : documentFaults(gateRecordSchema, parsed.value);
  if (faults.length > 0 || "fault" in parsed) return { faults };
  const record = parsed.value as unknown as GateRecord;
  if (known.size >= MAX_KEPT) known.clear();
  known.set(digest, record);
  return { record };
}

/**
 * Every gate record that a call's receipt names can be read and is of this call: the one among its subjects, which
 * led to the event, and that of each attempt, which allowed it.
 */
export async function checkGateRecords(
  bundle: Bundle,
  receipt: Receipt,
  invocation: Invocation,
  findings: Findings,
): Promise<void> {
  const { predicate, subject } = receipt;
  const named = gateRecordDigest(receipt);
  const at = { receipt: receipt.digest };
  if (named === undefined) {
    const message = "the receipt of a call has no gate record among its subjects";
    findings.fail("FAILURE_REQUIRED_FIELD_MISSING", message, at);
    return;
  }
  const mismatch = (message: string): void => findings.fail("FAILURE_DIGEST_MISMATCH", message, at);
  const record = await requireRecord(bundle, receipt, named, findings);
  if (record !== undefined) {
    checkOwn(receipt, invocation, record, mismatch);
    const name = `${invocation.id}/${record.attempt}/${GATE_RECORD}`;
    if (subject.filter((one) => one.name.endsWith(`/${GATE_RECORD}`)).some((one) => one.name !== name))
      mismatch("the gate record is not named after its attempt");
  }
  const last = invocation.attempts.at(-1);
  if (last !== undefined && (last.dispatchDigest !== named || invocation.dispatchDigest !== named))
    mismatch("the last attempt was dispatched under another gate record");
  const { detail } = predicate;
  if (predicate.event === "step-dispatched" && record !== undefined && detail?.attempt !== record.attempt)
    mismatch("the attempt was dispatched under the gate record of another");
  for (const { n, dispatchDigest } of invocation.attempts) {
    const own =
      dispatchDigest === named ? record : await requireRecord(bundle, receipt, dispatchDigest, findings);
    if (own === undefined) continue;
    if (own.attempt !== n) mismatch(`attempt ${n} was dispatched under the gate record of another`);
    if (own.decision !== "allow") mismatch(`attempt ${n} was made although its gates did not allow it`);
    if (own !== record && !sameJson(identityOf(own), identityIn(predicate, invocation)))
      mismatch(`attempt ${n} was dispatched under a gate record of another call`);
    if (digestOfJson(own.action) !== own.actionDigest)
      mismatch("the action digest is not that of the action document");
  }
}

async function requireRecord(
  bundle: Bundle,
  receipt: Receipt,
  digest: string,
  findings: Findings,
): Promise<GateRecord | undefined> {
  const opened = await openRecord(bundle, digest);
  if ("record" in opened) return opened.record;
  findings.failAll(placed(opened.faults, { receipt: receipt.digest, path: artifactPath(digest) }));
  return undefined;
}

/** What a receipt repeats of the gate record that it is about. */
function checkOwn(
  { predicate }: Receipt,
  invocation: Invocation,
  record: GateRecord,
  mismatch: (message: string) => void,
): void {
  if (digestOfJson(record.action) !== record.actionDigest)
    mismatch("the action digest is not that of the action document");
  if (record.actionDigest !== invocation.actionDigest)
    mismatch("the receipt is about another action than its gate record");
  const { adapter, isolation, egress } = invocation;
  const pairs: [unknown, unknown][] = [
    [identityOf(record), identityIn(predicate, invocation)],
    [record.adapter, { ...adapter, isolation, egress }],
    [record.gates.map(({ gate, decision, reason }) => ({ gate, decision, reason })), predicate.gates],
    [
      record.approvals.map(({ digest, principal, decision, keyId }) => ({
        digest,
        principal,
        decision,
        keyId,
      })),
      predicate.approvals ?? [],
    ],
  ];
  const named = predicate.exceptions.filter((one) => one === "bypass" || one === "break-glass");
  pairs.push([recordExceptions(record), named]);
  if (pairs.some(([a, b]) => !sameJson(a, b))) mismatch("the receipt and its gate record differ");
  const due = decisionOfEvent[predicate.event];
  if (due !== undefined && record.decision !== due)
    mismatch(`the gates decided \`${record.decision}\`, which does not lead here`);
}

function identityOf({ action }: GateRecord): unknown[] {
  const { contract, engagement, run, step, forEachKey, invocation } = action;
  return [contract, engagement, run, step, forEachKey ?? null, invocation];
}

function identityIn(predicate: ReceiptPredicate, { id }: Invocation): unknown[] {
  const { contract, engagement, run, step } = predicate;
  return [contract ?? null, engagement ?? null, run ?? null, step?.id ?? null, step?.key ?? null, id];
}
