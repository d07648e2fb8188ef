import type { Digest } from "../format/digest.ts";
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
  return removeEach(lane, pending, dispatches);
}

/**
 * Removes files that belong to nothing: a process that was killed between capturing and recording leaves them, and so does
 * who restores retired ones from a backup. Reads the whole artifact folder; to be done when evidence is retired, and not at each start.
 *
 * @returns how many are still there, because others capture or read.
 */
export async function removeUnrecorded(lane: Lane): Promise<number> {
  const dispatches = lane.store.dispatchCount();
  const found: Digest[] = [];
  for await (const digest of lane.files.list()) found.push(digest);
  const recorded = new Set(
    lane.store
      .runs()
      .flatMap(({ run }) => lane.store.artifacts(run))
      .filter(({ artifact }) => !lane.store.retired(artifact.id))
      .map(({ artifact }) => artifact.digest),
  );
  const unrecorded = found.filter((digest) => !recorded.has(digest));
  if (unrecorded.length === 0) return 0;
  return removeEach(lane, unrecorded, dispatches);
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

/** How many are left: those that a call may be about to use. @param dispatches as many as there were when it was decided. */
async function removeEach(lane: Lane, digests: readonly Digest[], dispatches: number): Promise<number> {
  if (isCalling(lane)) return digests.length;
  let left = 0;
  for (const digest of digests) {
    const done = await lane.store.removeBytes(digest, dispatches, () => lane.files.remove(digest));
    if (done === "busy") left += 1;
  }
  return left;
}
