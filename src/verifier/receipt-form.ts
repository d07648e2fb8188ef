import type { Engagement } from "../contract/engagement.ts";
import type { ReceiptEvent, ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { RunDocument } from "../contract/run-document.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { digestOfJson } from "../format/digest.ts";
import type { Failure } from "./layer.ts";
import { readKey } from "./read-certificate.ts";
import type { Receipt } from "./read-receipts.ts";

type Member = keyof ReceiptPredicate;
/** What a receipt's only subject is: its detail, or what the named member of that has the digest of; else, see below. */
type SubjectOf =
  | "detail"
  | "call"
  | "artifacts"
  | "principal"
  | "root"
  | readonly [name: string, member: string];
interface Form {
  readonly needs: readonly Member[];
  readonly detail: readonly string[];
  readonly subject: SubjectOf;
}

const RUN: readonly Member[] = ["run", "runbook", "engagement", "authorization"];
const STEP: readonly Member[] = [...RUN, "step"];
const CALL: readonly Member[] = [...STEP, "contract", "gates", "invocation", "boundary"];
const form = (needs: readonly Member[], detail: readonly string[], subject: SubjectOf = "detail"): Form => ({
  needs,
  detail,
  subject,
});
const ended = ["step-executed", "step-failed", "step-in-doubt"];

/** What each event needs (`spec/receipt.md`). */
const forms: Readonly<Record<ReceiptEvent, Form>> = {
  "workspace-created": form([], ["name", "root"], "root"),
  "key-certified": form([], ["certificate"], ["key-certificate", "certificate"]),
  "key-retired": form([], ["keyId"]),
  "root-rotated": form([], ["certificate", "previous", "root"], ["root-certificate", "certificate"]),
  "key-revoked": form([], ["revocation", "keyId", "since", "reason"], ["key-revocation", "revocation"]),
  "principal-added": form([], ["principal"], "principal"),
  "principal-disabled": form([], ["principal"]),
  "catalog-published": form([], ["catalogLock"], ["catalog-lock", "catalogLock"]),
  "contract-suspended": form([], ["contract", "reason"]),
  "contract-revoked": form([], ["contract", "reason"]),
  "contract-reinstated": form([], ["contract", "reason"]),
  "log-started": form([], ["origin", "key", "previous"]),
  "freeze-began": form([], ["reason"]),
  "freeze-ended": form([], ["reason"]),
  "engagement-authorized": form([], ["authorization"], ["authorization", "authorization"]),
  "admission-denied": form([], ["reason", "runbook", "problems"]),
  "run-opened": form(RUN, ["run", "document"], ["run", "document"]),
  "run-closed": form(RUN, ["run", "head", "count", "outcome"]),
  "engagement-halted": form([], ["reason"]),
  "engagement-closed": form([], ["reason"]),
  "conclusion-recorded": form([], ["conclusion"], ["conclusion", "conclusion"]),
  "conclusion-withdrawn": form([], ["withdrawal", "conclusion"], ["withdrawal", "withdrawal"]),
  "break-glass-reviewed": form(RUN, ["review", "receipt", "finding"], ["review", "review"]),
  "domain-control-proved": form(
    RUN,
    ["authorization", "domain", "method", "receipt", "expiresAt"],
    ["look-up", "receipt"],
  ),
  "artifact-classified": form(RUN, ["artifact", "digest", "sensitivity", "reason"]),
  "artifact-released": form(
    RUN,
    ["artifact", "digest", "released", "recipient", "commitment"],
    ["released", "released"],
  ),
  "artifact-redacted": form([...RUN, "artifacts"], ["lifecycle"], "artifacts"),
  "artifact-held": form(RUN, ["artifact", "digest", "reason"]),
  "artifact-hold-ended": form(
    RUN,
    ["artifact", "digest", "hold", "reason", "lifecycle"],
    ["lifecycle", "lifecycle"],
  ),
  "artifact-retired": form(RUN, ["artifact", "digest", "reason", "lifecycle"], ["lifecycle", "lifecycle"]),
  "artifact-action-refused": form(RUN, ["artifact", "digest", "action", "decision", "reason"]),
  "step-paused": form(CALL, ["actionDigest"], "call"),
  "approval-recorded": form([...STEP, "approvals"], ["approval", "decision"], ["approval", "approval"]),
  "break-glass-recorded": form(STEP, ["breakGlass", "id", "reason"], ["break-glass", "breakGlass"]),
  "answer-recorded": form(STEP, ["answer"], ["answer", "answer"]),
  "signal-recorded": form(STEP, ["signal", "id"], ["signal", "signal"]),
  "step-dispatched": form(CALL, ["attempt"], "call"),
  "step-in-doubt": form(CALL, ["attempt", "reason"], "call"),
  "step-resolved": form(STEP, ["resolution", "finding", "attempt"], ["resolution", "resolution"]),
  "step-escalated": form(STEP, ["to", "escalation"], ["escalation", "escalation"]),
  "step-expanded": form(STEP, ["keys", "elements"]),
  "step-executed": form(CALL, [], "call"),
  "step-failed": form(CALL, [], "call"),
  "step-denied": form(CALL, [], "call"),
  "step-skipped": form(STEP, ["reason"]),
  "step-cancelled": form(STEP, ["reason"]),
  "artifact-imported": form([...RUN, "artifacts"], [], "artifacts"),
};
/** A step that was denied before its action could be described. */
const undescribed = form(STEP, ["reason", "faults"]);

/**
 * What is wrong with receipts by themselves, and by the documents of their runs.
 *
 * @param runEvents the receipts that opened runs: `run-opened <run>`.
 * @param documents by kind and digest.
 */
export function receiptFaults(
  receipts: readonly Receipt[],
  runEvents: ReadonlyMap<string, Receipt>,
  documents: ReadonlyMap<string, unknown>,
): Failure[] {
  return receipts.flatMap((receipt) => {
    const opened = runEvents.get(`run-opened ${receipt.predicate.run}`)?.predicate.detail?.document;
    const run = documents.get(`run ${opened}`) as RunDocument | undefined;
    const engagement = documents.get(`engagement ${run?.engagement.digest}`) as Engagement | undefined;
    return [...formFaults(receipt), ...(run === undefined ? [] : runFaults(receipt, run, engagement))];
  });
}

/** What a receipt lacks of what its event needs, and whether its subjects are what it is about. */
function formFaults({ predicate, subject, digest }: Receipt): Failure[] {
  const { event, detail = {}, invocation, gates } = predicate;
  const isUndescribed = event === "step-denied" && invocation === undefined && gates === undefined;
  const due = isUndescribed ? undescribed : forms[event];
  const lacking = [
    ...due.needs.filter((name) => predicate[name] === undefined),
    ...due.detail.filter((name) => !Object.hasOwn(detail, name)).map((name) => `detail.${name}`),
    ...(ended.includes(event) && invocation !== undefined && invocation.dispatchDigest === undefined
      ? ["invocation.dispatchDigest"]
      : []),
    ...(due.subject === "call" && !subject[0]?.name.endsWith("/gate-record") ? ["its gate record"] : []),
  ];
  const failures: Failure[] = lacking.map((name) => ({
    code: "FAILURE_REQUIRED_FIELD_MISSING",
    message: `\`${event}\` lacks \`${name}\``,
    receipt: digest,
  }));
  const expected = subjectsOf(due.subject, predicate, subject);
  const isOther =
    expected?.length !== subject.length ||
    expected.some(
      ([name, of], i) => name !== subject[i]?.name || of !== `sha256:${subject[i]?.digest.sha256}`,
    );
  const mismatch = (message: string): void =>
    void failures.push({ code: "FAILURE_DIGEST_MISMATCH", message, receipt: digest });
  if (expected !== undefined && isOther) mismatch(`the subjects of \`${event}\` are not what it is about`);
  const root = detail.root as { publicKey?: unknown; keyId?: unknown } | undefined;
  if (event === "workspace-created" && readKey(String(root?.publicKey))?.keyId !== root?.keyId)
    mismatch("the issuer root has another key id");
  for (const { id, name } of (invocation && predicate.artifacts) ?? [])
    if (!invocation?.attempts.some(({ n }) => `${invocation.id}/${n}/${name}` === id))
      mismatch(`artifact \`${id}\` is not at its id`);
  return failures;
}

/** The subjects that a receipt has; undefined where others look, or there is nothing to compare with. */
function subjectsOf(
  of: SubjectOf,
  { detail = {}, artifacts = [] }: ReceiptPredicate,
  subject: Receipt["subject"],
): readonly (readonly [name: string, digest: unknown])[] | undefined {
  if (of === "call") return undefined;
  if (of === "detail") return [["detail", digestOfJson(detail)]];
  if (of === "artifacts") return artifacts.map(({ id, digest }) => [id, digest]);
  const own = `sha256:${subject[0]?.digest.sha256}`;
  // What these are digests of does not stand in the receipt, or is compared elsewhere.
  if (of === "principal") return [["principal", own]];
  if (of === "root") return [["issuer-root", own]];
  const [name, member] = of;
  return Object.hasOwn(detail, member) ? [[name, detail[member]]] : undefined;
}

/**
 * Whether a receipt about a run says of it what the run's document says, whichever stream it stands in; `exceptions`
 * included, those aside that follow from a gate record.
 */
function runFaults(
  { predicate, digest }: Receipt,
  run: RunDocument,
  engagement: Engagement | undefined,
): Failure[] {
  const { event, invocation, exceptions } = predicate;
  const wrong: string[] = (["runbook", "engagement", "authorization"] as const).filter(
    (name) => predicate[name] !== undefined && canonicalJson(predicate[name]) !== canonicalJson(run[name]),
  );
  const due = [
    ...(engagement?.environment === "lab" ? ["lab"] : []),
    ...(run.draft ? ["draft"] : []),
    ...(event === "artifact-imported" || event === "artifact-redacted" ? ["import"] : []),
  ];
  const named =
    invocation === undefined
      ? exceptions
      : exceptions.filter((one) => one !== "bypass" && one !== "break-glass");
  if (engagement !== undefined && named.join() !== due.join()) wrong.push("exceptions");
  return wrong.map((name) => ({
    code: "FAILURE_DIGEST_MISMATCH",
    message: `the receipt has another \`${name}\` than its run`,
    receipt: digest,
  }));
}
