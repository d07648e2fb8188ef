/**
 * A clock for one process: the host's, which never runs backwards while the process lives. When the host's is set
 * back, it goes on from where it was until the host has caught up.
 *
 * @returns milliseconds since the epoch.
 */
export function startClock(
  wall: () => number = Date.now,
  elapsed: () => number = () => performance.now(),
): () => number {
  let last = wall();
  let at = elapsed();
  return () => {
    const now = elapsed();
    last = Math.max(wall(), Math.floor(last + (now - at)));
    at = now;
    return last;
  };
}
