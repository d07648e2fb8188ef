import type { ReviewStatement } from "../contract/signed-statements.ts";
import { hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { permissionOf } from "../gate/break-glass.ts";
import { checkReview } from "../gate/break-glass-statement.ts";
import { mayNotReview } from "../gate/may-review.ts";
import { engagementStream } from "../ledger/streams.ts";
import { appendReceipt } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { runParts } from "./receipt-entry.ts";
import { isUnreviewed, reviewsOf } from "./reviews.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { untilRecorded } from "./until-recorded.ts";

/**
 * Records an independent person's signed review of a use of break-glass, in the engagement's stream: the run may have
 * closed. The first review stands.
 *
 * @throws RunError `STATEMENT_REFUSED`, `RUN_CONTENDED`.
 */
export function recordReview(lane: Lane, run: string, envelope: Envelope): Promise<ReviewStatement> {
  return untilRecorded(lane, run, () => tryReview(lane, run, envelope));
}

async function tryReview(lane: Lane, run: string, envelope: Envelope): Promise<ReviewStatement | undefined> {
  const state = lane.states.load(run);
  const { document } = state;
  const principals = lane.pinned.read("principals", document.principals);
  const engagement = lane.pinned.read("engagement", document.engagement.digest);
  // Of two reviews at once one finds that the stream has moved, and then that the use was reviewed.
  const stream = engagementStream(engagement.id);
  const head = lane.store.head(stream);
  const now = utcFromMillis(lane.clock());
  const checked = refuseRevoked(lane.store, await checkReview(envelope, principals, now));
  if (!checked.ok) throw refused(run, checked.reason);
  const { statement, custody } = checked;
  const use = reviewsOf(lane.store, engagement.id, now).find(({ receipt }) => receipt === statement.receipt);
  if (use === undefined || use.run !== run || statement.run !== run || statement.engagement !== engagement.id)
    throw refused(run, "it is about no use of break-glass in this run");
  if (!isUnreviewed(use)) throw refused(run, `it is ${use.state}: nothing is to be reviewed`);
  const { disabledPrincipals: disabled } = readLiveStatus(lane.store, "", engagement.id);
  const refusal = mayNotReview({
    principal: statement.principal,
    custody,
    glass: permissionOf({ engagement }, use.breakGlass),
    engagement,
    principals,
    involved: [use.by, document.requester],
    disabled,
  });
  if (refusal !== undefined) throw refused(run, `\`${statement.principal}\` may not: ${refusal}`);
  const pinned = pinEnvelope(envelope);
  const { finding, receipt } = statement;
  const result = await appendReceipt(
    lane,
    stream,
    {
      event: "break-glass-reviewed",
      subject: [{ name: "review", digest: { sha256: hexOf(pinned.digest) } }],
      predicate: {
        ...runParts(document, lane.origin, isLab(lane, state)),
        actor: { principal: statement.principal, origin: lane.origin },
        detail: { review: pinned.digest, receipt, finding },
      },
    },
    { change: { documents: [pinned] }, onHead: head ?? "empty" },
  );
  return result.ok ? statement : undefined;
}

function refused(run: string, reason: string): RunError {
  return new RunError({
    code: "STATEMENT_REFUSED",
    message: `the review is refused: ${reason}`,
    hint: `witnessops run show ${run}`,
  });
}
