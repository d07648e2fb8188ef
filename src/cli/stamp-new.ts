import { utcFromMillis } from "../format/time.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Lane } from "../run/lane.ts";
import { type Stamping, stampReceipts } from "../run/stamp-receipts.ts";
import { StoreError } from "../run/store-error.ts";
import type { Context } from "./command.ts";

/** Receipts that the end of one command waits for; `receipt stamp` stamps the rest. */
const LIMIT = 20;
/** Milliseconds that it waits for one answer: a command does not end late because an authority is down. */
const DEADLINE = 3_000;

/**
 * Stamps what a command has opened and closed, before it ends. What an authority does not stamp now is said, and
 * stamped later.
 *
 * @param since when the command began, in milliseconds since the epoch.
 */
export async function stampNew(lane: Lane, since: number, context: Context): Promise<void> {
  if (!hasNew(lane, utcFromMillis(since))) return;
  try {
    sayStamping(await stampReceipts(lane, { limit: LIMIT, deadlineMs: DEADLINE }), context);
  } catch (error) {
    // The command itself is done and recorded: what it answers is not lost for a token.
    if (!(error instanceof StoreError)) throw error;
    context.progress(`time-stamps were not kept: ${error.message}`);
  }
}

/** Says which authorities did not stamp, and what to do. */
export function sayStamping({ problems, pending }: Stamping, context: Context): void {
  for (const { authority, why } of problems) context.progress(`not stamped by ${authority}: ${why}`);
  if (pending > 0) context.progress(`${pending} receipts lack a time-stamp: \`witnessops receipt stamp\``);
}

/** Whether the newest receipt that lacks a token is of this command: old ones are not asked for at every command. */
function hasNew({ time, store }: Lane, since: string): boolean {
  return (time?.authorities ?? []).some(({ name }) => {
    const [newest] = store.unstamped(name, 1);
    const stored = newest && store.receipt(newest);
    return stored !== undefined && readReceipt(stored.payload).predicate.time.claimedUtc >= since;
  });
}
