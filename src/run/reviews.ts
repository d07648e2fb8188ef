import type { Engagement } from "../contract/engagement.ts";
import { invocationName } from "../contract/invocation-name.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { millisOfDuration } from "../format/duration.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { engagementStream, runStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Store } from "./store.ts";

/** One use of break-glass, and what became of its review. */
export interface GlassUse {
  readonly run: string;
  readonly invocation: string;
  readonly breakGlass: string;
  readonly by: string;
  readonly reason: string;
  readonly at: string;
  /** Digest of the `break-glass-recorded` receipt. */
  readonly receipt: Digest;
  /** Until when an independent person has to have reviewed it. */
  readonly dueAt: string;
  /** `unused`: recorded, and nothing was called by it; then nothing is to be reviewed. */
  readonly state: "unused" | "due" | "overdue" | "justified" | "unjustified";
  readonly reviewedBy?: string;
}

/** Whether a use still has to be reviewed. */
export function isUnreviewed({ state }: GlassUse): boolean {
  return state === "due" || state === "overdue";
}

/** Every use of break-glass in an engagement, from its receipts. @param now UTC, for what is overdue. */
export function reviewsOf(store: Store, engagement: string, now: string): GlassUse[] {
  const reviews = new Map<string, { by: string; finding: string }>();
  const runs: { run: string; pinned: string | undefined }[] = [];
  for (const { payload } of store.receipts(engagementStream(engagement))) {
    const { event, detail, actor, engagement: pin } = readReceipt(payload).predicate;
    if (event === "run-opened") runs.push({ run: String(detail?.run), pinned: pin?.digest });
    if (event === "break-glass-reviewed")
      reviews.set(String(detail?.receipt), { by: actor.principal, finding: String(detail?.finding) });
  }
  return runs.flatMap(({ run, pinned }) => usesOf(store, run, pinned, reviews, now));
}

function usesOf(
  store: Store,
  run: string,
  pinned: string | undefined,
  reviews: ReadonlyMap<string, { by: string; finding: string }>,
  now: string,
): GlassUse[] {
  const uses: GlassUse[] = [];
  const called = new Set(store.dispatches(run).map(({ invocation }) => invocation));
  for (const { payload, digest } of store.receipts(runStream(run))) {
    if (!isGlass(payload)) continue;
    const { event, detail, step, actor, time } = readReceipt(payload).predicate;
    if (event !== "break-glass-recorded") continue;
    const invocation = invocationName(run, step);
    const id = String(detail?.id);
    const review = reviews.get(digest);
    const due = dueAt(store, pinned, id, time.claimedUtc);
    const open = (millisOf(due) ?? 0) < (millisOf(now) ?? 0) ? "overdue" : "due";
    uses.push({
      run,
      invocation,
      breakGlass: id,
      by: actor.principal,
      reason: String(detail?.reason),
      at: time.claimedUtc,
      receipt: digest,
      dueAt: due,
      state:
        review === undefined ? (called.has(invocation) ? open : "unused") : (review.finding as "justified"),
      ...(review === undefined ? {} : { reviewedBy: review.by }),
    });
  }
  return uses;
}

const MARK = new TextEncoder().encode("break-glass-recorded");

/** Most receipts are of something else: they are not parsed. */
function isGlass(payload: Uint8Array): boolean {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes(MARK);
}

function dueAt(store: Store, pinned: string | undefined, id: string, at: string): string {
  const bytes = pinned === undefined ? undefined : store.document(pinned as Digest);
  const engagement = bytes && (parseJson(bytes) as unknown as Engagement);
  const within = engagement?.breakGlass?.find((one) => one.id === id)?.reviewWithin;
  return within === undefined ? at : utcFromMillis((millisOf(at) ?? 0) + millisOfDuration(within));
}
