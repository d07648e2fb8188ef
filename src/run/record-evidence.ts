import type { Artifact } from "../contract/artifact.ts";
import type { LifecycleStatement } from "../contract/signed-statements.ts";
import type { Sensitivity } from "../contract/vocabulary.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import type { Subject } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { decideEvidence, type EvidenceAction } from "../gate/decide-evidence.ts";
import { checkLifecycle } from "../gate/lifecycle-statement.ts";
import { appendReceipt, detailSubject, type Entry } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import { type RunEvidence, readEvidence, runOfArtifact } from "./find-artifact.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { runParts } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";
import type { Change } from "./store.ts";
import { untilRecorded } from "./until-recorded.ts";

/** Something to be done to an artifact, and who wants it. */
export interface EvidenceRequest {
  readonly artifact: string;
  readonly principal: string;
  readonly reason: string;
}

/** Says how sensitive an artifact is; what was quarantined no longer is. @throws RunError as `decide`. */
export function recordClassification(
  lane: Lane,
  request: EvidenceRequest,
  sensitivity: Sensitivity,
): Promise<Digest> {
  const { artifact: id, reason } = request;
  return record(lane, request, "classify", { sensitivity }, ({ digest }) => {
    const detail = { artifact: id, digest, sensitivity, reason };
    return { event: "artifact-classified", subject: detailSubject(detail), detail };
  });
}

/** Puts an artifact on hold: it is not retired before the hold ends. @returns the hold: the receipt's digest. */
export function recordHold(lane: Lane, request: EvidenceRequest): Promise<Digest> {
  const { artifact: id, reason } = request;
  return record(lane, request, "hold", {}, ({ digest }) => {
    const detail = { artifact: id, digest, reason };
    return { event: "artifact-held", subject: detailSubject(detail), detail };
  });
}

/** Whether an artifact may be released now; a refusal is receipted. @throws RunError as `decide`. */
export async function admitRelease(lane: Lane, request: EvidenceRequest): Promise<void> {
  const { run, artifact } = runOfArtifact(lane, request.artifact);
  await decide(lane, readEvidence(lane, run), request, "release", artifact, {});
}

/** Whether a redacted copy of an artifact may be made now; a refusal is receipted. @throws RunError as `decide`. */
export async function admitRedaction(
  lane: Lane,
  request: Pick<EvidenceRequest, "artifact" | "principal">,
): Promise<void> {
  const { run, artifact } = runOfArtifact(lane, request.artifact);
  await decide(lane, readEvidence(lane, run), request, "redact", artifact, {});
}

/** An artifact was encrypted to a recipient, in a file that is not handed over before this is recorded. */
export function recordRelease(
  lane: Lane,
  request: EvidenceRequest,
  released: { readonly digest: Digest; readonly recipient: string; readonly commitment: Digest },
): Promise<Digest> {
  return record(lane, request, "release", {}, ({ digest }) => ({
    event: "artifact-released",
    subject: [{ name: "released", digest: { sha256: hexOf(released.digest) } }],
    detail: {
      artifact: request.artifact,
      digest,
      released: released.digest,
      recipient: released.recipient,
      commitment: released.commitment,
      reason: request.reason,
    },
  }));
}

/** What a person's signed word about an artifact changes beside its receipt. */
export interface SignedChange {
  /** The derived artifact of a redaction, with its bytes when they are few. */
  readonly derived?: { readonly artifact: Artifact; readonly inline?: Uint8Array };
}

/**
 * Records what a person signed about an artifact: that it is retired, that a hold of it ends, or that a redacted copy of
 * it may be used.
 *
 * @throws RunError `STATEMENT_REFUSED`, and as `decide`.
 */
export async function recordLifecycle(
  lane: Lane,
  envelope: Envelope,
  expected: Pick<LifecycleStatement, "action" | "artifact">,
  { derived }: SignedChange = {},
): Promise<Digest> {
  const source = derived?.artifact.derivedFrom ?? expected.artifact;
  const { run } = runOfArtifact(lane, source);
  const principals = lane.pinned.read("principals", lane.states.load(run).document.principals);
  const checked = await checkLifecycle(envelope, principals, utcFromMillis(lane.clock()));
  if (!checked.ok) throw refusedStatement(checked.reason);
  const { statement, custody } = checked;
  const { action, principal, reason, hold } = statement;
  const fits =
    action === expected.action &&
    statement.artifact === expected.artifact &&
    statement.run === run &&
    (action === "end-hold") === (hold !== undefined) &&
    (action === "redact"
      ? statement.digest === derived?.artifact.digest && statement.derivedFrom === source
      : statement.derivedFrom === undefined);
  if (!fits) throw refusedStatement("it is about something else");
  const pinned = pinEnvelope(envelope);
  const named = [{ name: "lifecycle", digest: { sha256: hexOf(pinned.digest) } }];
  const request = { artifact: source, principal, reason };
  const copy = derived === undefined ? {} : { copy: derived.artifact.digest };
  return record(lane, request, action, { custody, hold, ...copy }, ({ digest }, engagement) => {
    if (statement.engagement !== engagement || (derived === undefined && statement.digest !== digest))
      throw refusedStatement("it is about something else");
    const change = { documents: [pinned] };
    if (derived !== undefined) {
      const { artifact, inline } = derived;
      const blob = { digest: artifact.digest as Digest, bytes: inline };
      return {
        event: "artifact-redacted",
        subject: [{ name: artifact.id, digest: { sha256: hexOf(artifact.digest as Digest) } }],
        detail: { lifecycle: pinned.digest },
        artifacts: [artifact],
        change: {
          ...change,
          artifacts: [
            { run, invocation: artifact.id.split("/").slice(0, 2).join("/"), attempt: 1, artifact },
          ],
          ...(inline === undefined ? {} : { blobs: [{ ...blob, bytes: inline }] }),
        },
      };
    }
    const detail = { artifact: source, digest, reason, lifecycle: pinned.digest };
    return action === "retire"
      ? {
          event: "artifact-retired",
          subject: named,
          detail,
          change: { ...change, retire: { artifact: source, digest: digest as Digest } },
        }
      : { event: "artifact-hold-ended", subject: named, detail: { ...detail, hold }, change };
  });
}

interface Said {
  readonly event: Entry["event"];
  readonly subject: readonly Subject[];
  readonly detail: Readonly<Record<string, unknown>>;
  readonly artifacts?: readonly Artifact[];
  readonly change?: Omit<Change, "append" | "openRun" | "closeRun">;
}

type Facts = Readonly<{ custody?: "held" | "local"; sensitivity?: unknown; hold?: unknown; copy?: string }>;

/** Decides on the head of the engagement's stream and appends to just that: two at once are decided one after the other. */
async function record(
  lane: Lane,
  request: EvidenceRequest,
  action: EvidenceAction,
  facts: Facts,
  say: (artifact: Artifact, engagement: string) => Said,
): Promise<Digest> {
  const { run, artifact } = runOfArtifact(lane, request.artifact);
  return untilRecorded(lane, run, async () => {
    const evidence = readEvidence(lane, run);
    await decide(lane, evidence, request, action, artifact, facts);
    const said = say(artifact, evidence.engagement);
    return append(lane, evidence, request.principal, said);
  });
}

/**
 * @throws RunError `EVIDENCE_REFUSED` with the reason, receipted as `artifact-action-refused`.
 */
async function decide(
  lane: Lane,
  evidence: RunEvidence,
  request: Pick<EvidenceRequest, "principal">,
  action: EvidenceAction,
  { id, digest }: Artifact,
  facts: Facts,
): Promise<void> {
  if (evidence.states.get(id) === undefined)
    throw new RunError({
      code: "ARTIFACT_UNKNOWN",
      message: `no receipt binds \`${id}\`: there is nothing to say of it`,
      hint: "its step has not ended; `witnessops artifact list` has those of the steps that have",
    });
  const { document } = lane.states.load(evidence.run);
  const decided = decideEvidence({
    action,
    state: evidence.states.get(id),
    principal: request.principal,
    engagement: lane.pinned.read("engagement", document.engagement.digest),
    principals: lane.pinned.read("principals", document.principals),
    disabled: readLiveStatus(lane.store, "", evidence.engagement).disabledPrincipals,
    ...facts,
  });
  if (decided.decision === "allow") return;
  const { decision, reason } = decided;
  const detail = { artifact: id, digest, action, decision, reason };
  const refusal = { event: "artifact-action-refused", subject: detailSubject(detail), detail } as const;
  await untilRecorded(lane, evidence.run, () =>
    append(lane, readEvidence(lane, evidence.run), request.principal, refusal),
  );
  throw new RunError({
    code: "EVIDENCE_REFUSED",
    message: `\`${request.principal}\` may not ${action} \`${id}\`: ${reason}`,
    hint: hints[reason] ?? "the refusal is receipted in the engagement's stream",
  });
}

const hints: Readonly<Record<string, string>> = {
  "on-hold": "end its holds first: `witnessops artifact hold <artifact> --end <hold>`",
  quarantined: "classify it first: `witnessops artifact classify <artifact> --sensitivity <word>`",
  "cannot-be-sealed-later":
    "it is on the disk in the clear: import it again with `--sensitivity secret`, retire this one",
  unchanged: "leave out what is not to be in it",
  lowered: "make a redacted copy instead: `witnessops artifact redact`",
};

/** Undefined when the stream has moved: then it is decided again. */
async function append(
  lane: Lane,
  { run, stream, head }: RunEvidence,
  principal: string,
  { event, subject, detail, artifacts, change }: Said,
): Promise<Digest | undefined> {
  const state = lane.states.load(run);
  const parts = runParts(state.document, lane.origin, isLab(lane, state));
  const entry: Entry = {
    event,
    subject,
    predicate: {
      ...parts,
      actor: { principal, origin: lane.origin },
      detail,
      ...(artifacts === undefined
        ? {}
        : { artifacts: [...artifacts], exceptions: [...parts.exceptions, "import"] }),
    },
  };
  const result = await appendReceipt(lane, stream, entry, {
    onHead: head,
    ...(change === undefined ? {} : { change }),
  });
  return result.ok ? result.receipt.digest : undefined;
}

function refusedStatement(reason: string): RunError {
  return new RunError({
    code: "STATEMENT_REFUSED",
    message: `the signed statement is refused: ${reason}`,
    hint: "sign again, with a key of the principal that it names",
  });
}
