import type { WithdrawalStatement } from "../contract/signed-statements.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkWithdrawal } from "../gate/conclusion-statement.ts";
import { engagementStream } from "../ledger/streams.ts";
import { appendReceipt } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { readConclusions } from "./read-conclusions.ts";
import { runParts } from "./receipt-entry.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { untilRecorded } from "./until-recorded.ts";

/**
 * Records that a conclusion is taken back (design section 9): by who concluded, or by an owner. The conclusion itself
 * stays in the ledger and in every report, as withdrawn.
 *
 * @throws RunError `STATEMENT_REFUSED`, `RUN_CONTENDED`.
 */
export function recordWithdrawal(lane: Lane, run: string, envelope: Envelope): Promise<WithdrawalStatement> {
  return untilRecorded(lane, run, () => tryWithdrawal(lane, run, envelope));
}

async function tryWithdrawal(
  lane: Lane,
  run: string,
  envelope: Envelope,
): Promise<WithdrawalStatement | undefined> {
  const state = lane.states.load(run);
  const { document } = state;
  const principals = lane.pinned.read("principals", document.principals);
  const stream = engagementStream(document.engagement.id);
  const head = lane.store.head(stream);
  const now = utcFromMillis(lane.clock());
  const checked = refuseRevoked(lane.store, await checkWithdrawal(envelope, principals, now));
  if (!checked.ok) throw refused(run, checked.reason);
  const { statement } = checked;
  const { standing } = readConclusions(lane.store, document.engagement.id);
  const { principal: by, reason } = statement;
  const refusal = standing.end(statement.conclusion as Digest, run, principals, {
    state: "withdrawn",
    by,
    at: now,
    reason,
  });
  if (statement.run !== run) throw refused(run, "it is about another run");
  if (refusal !== undefined) throw refused(run, refusal);
  const pinned = pinEnvelope(envelope);
  const result = await appendReceipt(
    lane,
    stream,
    {
      event: "conclusion-withdrawn",
      subject: [{ name: "withdrawal", digest: { sha256: hexOf(pinned.digest) } }],
      predicate: {
        ...runParts(document, lane.origin, isLab(lane, state)),
        actor: { principal: by, origin: lane.origin },
        detail: { withdrawal: pinned.digest, conclusion: statement.conclusion },
      },
    },
    { change: { documents: [pinned] }, onHead: head ?? "empty" },
  );
  return result.ok ? statement : undefined;
}

function refused(run: string, reason: string): RunError {
  return new RunError({
    code: "STATEMENT_REFUSED",
    message: `the withdrawal is refused: ${reason}`,
    hint: `witnessops run show ${run}`,
  });
}
