import type { Digest } from "../format/digest.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Lane } from "./lane.ts";
import type { TimestampRow } from "./store.ts";

/** Events whose receipts are stamped: the ends of a run bound all that is between. */
export const stampedEvents: ReadonlySet<string> = new Set(["run-opened", "run-closed"]);

/** What stamping came to. */
export interface Stamping {
  /** Tokens that were had. */
  readonly stamped: number;
  /** Receipts that still lack a token of some authority. */
  readonly pending: number;
  /** Authorities that did not stamp, each with the first reason. */
  readonly problems: readonly { readonly authority: string; readonly why: string }[];
}

/** Milliseconds that one authority has for one answer. */
const DEADLINE = 10_000;
/** A host may be so far ahead of an authority (`spec/time.md`); beyond it a token would contradict the receipt. */
const TOLERANCE = 5 * 60_000;

type Asking = Pick<Lane, "store" | "time" | "clock">;

/**
 * Asks every authority of the workspace for the tokens that receipts lack, and keeps each one that holds. An
 * authority that does not answer is not asked again in this pass: work goes on without it.
 *
 * @param options.only digests of receipts; default: all that lack one, newest first.
 * @throws StoreError when a token cannot be kept.
 */
export async function stampReceipts(
  { store, time, clock }: Asking,
  {
    only,
    deadlineMs = DEADLINE,
    limit,
  }: { only?: readonly Digest[]; deadlineMs?: number; limit?: number } = {},
): Promise<Stamping> {
  const problems = new Map<string, string>();
  const lacking = new Set<Digest>();
  let stamped = 0;
  for (const { name, stamp } of time?.authorities ?? []) {
    let isDown = false;
    const wanted = only?.filter((digest) => !hasToken(store.timestamps(digest), name));
    for (const receipt of wanted ?? store.unstamped(name, limit)) {
      const stored = store.receipt(receipt);
      if (stored === undefined) continue;
      lacking.add(receipt);
      if (isDown) continue;
      const answer = await stamp(stored.sig, deadlineMs);
      const why = answer.ok
        ? aheadOf(answer.notAfter, readReceipt(stored.payload).predicate.time.claimedUtc)
        : answer.why;
      if (answer.ok && why === undefined) {
        const row = { receipt, authority: name, token: answer.token, at: utcFromMillis(clock()) };
        await store.commit({ timestamps: [row] });
        stamped += 1;
        continue;
      }
      isDown = !answer.ok && answer.isDown;
      if (!problems.has(name)) problems.set(name, why ?? "");
    }
  }
  const names = (time?.authorities ?? []).map(({ name }) => name);
  const pending = [...lacking].filter(
    (digest) => !names.every((name) => hasToken(store.timestamps(digest), name)),
  );
  return {
    stamped,
    pending: pending.length,
    problems: [...problems].map(([authority, why]) => ({ authority, why })),
  };
}

/** Asks every authority for a token over a signature that is no receipt's: a bundle's claim. */
export async function stampSignature(
  { time }: Pick<Lane, "time">,
  signature: Uint8Array,
  claimedUtc: string,
): Promise<{ tokens: Uint8Array[]; problems: Stamping["problems"] }> {
  const tokens: Uint8Array[] = [];
  const problems: { authority: string; why: string }[] = [];
  for (const { name, stamp } of time?.authorities ?? []) {
    const answer = await stamp(signature, DEADLINE);
    const why = answer.ok ? aheadOf(answer.notAfter, claimedUtc) : answer.why;
    if (answer.ok && why === undefined) tokens.push(answer.token);
    else problems.push({ authority: name, why: why ?? "" });
  }
  return { tokens, problems };
}

function hasToken(rows: readonly TimestampRow[], authority: string): boolean {
  return rows.some((row) => row.authority === authority);
}

/** Why a token cannot be kept with what it is over: it would say that the host's claim is false. */
function aheadOf(notAfter: number, claimedUtc: string): string | undefined {
  const claimed = millisOf(claimedUtc);
  if (claimed !== undefined && claimed <= notAfter + TOLERANCE) return undefined;
  return `its time is ${utcFromMillis(notAfter)}, and the receipt claims ${claimedUtc}: a clock is wrong`;
}
