import type { ReceiptEvent, ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { Digest } from "../format/digest.ts";
import { digestOfJson, hexOf } from "../format/digest.ts";
import type { Subject } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { type SealedReceipt, sealReceipt } from "../receipt/seal-receipt.ts";
import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";
import { gateRecordOf } from "./run-states.ts";
import type { Change, CommitResult, Head, StoredReceipt } from "./store.ts";
import { isBehind, waitForClock } from "./wait-for-clock.ts";

/** What an event says, before it is given its place in a stream. */
export interface Entry {
  readonly event: ReceiptEvent;
  readonly subject: readonly Subject[];
  /** Digest of the signed bytes of a checkpoint that was witnessed before this receipt was made. */
  readonly lowerBound?: Digest | undefined;
  readonly predicate: Omit<ReceiptPredicate, "schema" | "receiptId" | "event" | "ledger" | "time">;
}

export interface AppendOptions {
  /** What else is committed in the same transaction. */
  readonly change?: Omit<Change, "append" | "openRun" | "closeRun"> & {
    /** `opened` is the digest of this very receipt, filled in once it is sealed. */
    readonly openRun?: { run: string; document: Digest };
    /** As `openRun`, with `closed`. */
    readonly closeRun?: string;
  };
  /**
   * The head that the decision behind this entry was made on. When the stream has moved on, nothing is
   * appended and the result is a conflict; without it the entry goes to whatever the head is.
   */
  readonly onHead?: Head | "empty";
  /** Digest that the first receipt of a run stream chains to: its `run-opened` receipt. */
  readonly genesis?: Digest;
}

const MAX_TRIES = 50;
/** How long a receipt waits for a clock that was set back, in milliseconds: what happened is worth waiting for. */
const MAX_CLOCK_WAIT_MS = 60_000;

/**
 * Seals an entry as the next receipt of a stream and commits it. Signing happens outside the transaction:
 * read head, sign, compare and insert (design section 8).
 *
 * @returns the receipt, or the conflict when `onHead` was given or the change itself conflicts.
 * @throws RunError `RUN_CONTENDED` after 50 lost races; StoreError when it cannot be recorded.
 */
export async function appendReceipt(
  lane: Lane,
  stream: string,
  entry: Entry,
  options: AppendOptions = {},
): Promise<{ ok: true; receipt: SealedReceipt } | { ok: false; conflict: string }> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { sealed, result } = await sealAndCommit(lane, stream, entry, options);
    if (sealed !== undefined && result.ok) return { ok: true, receipt: sealed };
    const conflict = result.ok ? "head" : result.conflict;
    // Others' commits need a turn of the event loop before anything can look different.
    await lane.sleep(0);
    if (conflict !== "head" || options.onHead !== undefined) return { ok: false, conflict };
  }
  throw new RunError({
    code: "RUN_CONTENDED",
    message: `\`${stream}\` changed ${MAX_TRIES} times while a receipt was being added`,
    hint: "run the command again",
  });
}

async function sealAndCommit(
  lane: Lane,
  stream: string,
  entry: Entry,
  options: AppendOptions,
): Promise<{ sealed?: SealedReceipt; result: CommitResult }> {
  let tail = lane.tails.get(stream);
  if (tail === undefined || tail.broken) {
    const head = lane.store.head(stream);
    const headTime = head === undefined ? undefined : timeOf(lane, stream, head);
    tail = { head, headTime, pending: 0, seal: Promise.resolve(), broken: false };
    lane.tails.set(stream, tail);
  }
  const mine = tail;
  mine.pending += 1;
  try {
    const sealing = mine.seal.then(async () => {
      const head = mine.head;
      if (mine.broken || !isExpected(head, options.onHead)) return undefined;
      if (isBehind(lane, mine.headTime))
        await waitForClock(lane, mine.headTime, MAX_CLOCK_WAIT_MS, `\`${stream}\``);
      const sealed = await sealReceipt(
        lane.signer,
        entry.subject,
        place(lane, stream, entry, head, options.genesis),
      );
      mine.head = { seq: sealed.predicate.ledger.seq, digest: sealed.digest };
      mine.headTime = sealed.predicate.time.claimedUtc;
      return { sealed, head };
    });
    mine.seal = sealing.catch(() => undefined);
    const done = await sealing;
    if (done === undefined) return { result: { ok: false, conflict: "head" } };
    const append = [{ receipt: toStored(stream, done.sealed), expectedHead: done.head }];
    const { openRun, closeRun, ...change } = options.change ?? {};
    const { digest } = done.sealed;
    const result = await lane.store.commit({
      ...change,
      ...(openRun === undefined ? {} : { openRun: { ...openRun, opened: digest } }),
      ...(closeRun === undefined ? {} : { closeRun: { run: closeRun, closed: digest } }),
      append,
    });
    if (result.ok) {
      const { predicate } = done.sealed;
      lane.states.follow({ predicate, digest, gateRecord: gateRecordOf(entry.subject) });
    } else mine.broken = true;
    return { sealed: done.sealed, result };
  } catch (error) {
    mine.broken = true;
    throw error;
  } finally {
    mine.pending -= 1;
    if ((mine.pending === 0 || mine.broken) && lane.tails.get(stream) === mine) lane.tails.delete(stream);
  }
}

/** When the receipt at a stream's head was made, as its host claimed. */
function timeOf(lane: Lane, stream: string, head: Head): string | undefined {
  const folded = lane.states.timeAt(stream, head.digest);
  if (folded !== undefined) return folded;
  const receipt = lane.store.receipt(head.digest);
  return receipt === undefined ? undefined : readReceipt(receipt.payload).predicate.time.claimedUtc;
}

function isExpected(head: Head | undefined, expected: Head | "empty" | undefined): boolean {
  if (expected === undefined) return true;
  return expected === "empty" ? head === undefined : head?.digest === expected.digest;
}

function place(
  lane: Lane,
  stream: string,
  entry: Entry,
  head: Head | undefined,
  genesis: Digest | undefined,
): ReceiptPredicate {
  return {
    ...entry.predicate,
    schema: "witnessops/receipt/v1",
    receiptId: lane.randomHex(16),
    event: entry.event,
    ledger: { stream, seq: head === undefined ? 0 : head.seq + 1, prevHash: head?.digest ?? genesis ?? null },
    time: {
      claimedUtc: utcFromMillis(lane.clock()),
      ...(entry.lowerBound === undefined ? {} : { lowerBound: entry.lowerBound }),
    },
  };
}

function toStored(stream: string, sealed: SealedReceipt): StoredReceipt {
  const { payload, keyId, sig, digest, predicate } = sealed;
  return { stream, seq: predicate.ledger.seq, digest, event: predicate.event, payload, keyId, sig };
}

/** Subject of an event that is about nothing but its own `detail`: the digest of that detail's canonical JSON. */
export function detailSubject(detail: Readonly<Record<string, unknown>>): Subject[] {
  return [{ name: "detail", digest: { sha256: hexOf(digestOfJson(detail)) } }];
}
