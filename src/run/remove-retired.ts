import type { Lane } from "./lane.ts";

/**
 * Removes the bytes of retired artifacts that are still there; what a crash left undone is done here. Bytes that another
 * artifact needs stay, and nothing is removed while an attempt is under way that may just be capturing the same.
 *
 * @returns how many digests are still to be settled: other processes capture or read.
 */
export async function removeRetired(lane: Lane): Promise<number> {
  const pending = lane.store.pendingRemovals();
  if (pending.length === 0) return 0;
  const dispatches = lane.store.dispatchCount();
  if (isCalling(lane)) return pending.length;
  let left = 0;
  for (const digest of pending) {
    const done = await lane.store.removeBytes(digest, dispatches, () => lane.files.remove(digest));
    if (done === "busy") left += 1;
  }
  return left;
}

/** Whether an attempt of a process that lives is under way. */
function isCalling(lane: Lane): boolean {
  return lane.store
    .runs({ openOnly: true })
    .flatMap(({ run }) => lane.states.load(run).steps)
    .flatMap(({ invocations = [] }) => invocations.flatMap((one) => [one, ...one.readBacks]))
    .some(({ phase, attempts }) => {
      const owner = attempts.at(-1)?.owner;
      return phase === "dispatched" && owner !== undefined && lane.store.leaseHeld(owner);
    });
}
