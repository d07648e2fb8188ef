import type { Lane } from "./lane.ts";

/** How often live status is read while a call or a pause is under way, in milliseconds. */
const INTERVAL_MS = 250;

/** Whether the engagement was halted or closed. A ledger that cannot be read says nothing good: fail closed. */
function isOver(lane: Lane, engagement: string): boolean {
  try {
    const status = lane.store.status(`engagement:${engagement}`);
    return status === "halted" || status === "closed";
  } catch {
    return true;
  }
}

/**
 * Watches the engagement while a call is under way: a halt by any process stops the call within a second (design
 * section 3, live status).
 */
export function watchHalt(lane: Lane, engagement: string): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setInterval(() => {
    if (isOver(lane, engagement)) abort();
  }, INTERVAL_MS);
  if (lane.signal.aborted) abort();
  else lane.signal.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    stop() {
      clearInterval(timer);
      lane.signal.removeEventListener("abort", abort);
    },
  };
}

/** Sleeps until an attempt may follow, or until the engagement is halted. @param millis how long at most. */
export async function sleepUnlessHalted(lane: Lane, engagement: string, millis: number): Promise<void> {
  let left = millis;
  do {
    if (lane.signal.aborted || isOver(lane, engagement)) return;
    await lane.sleep(Math.min(left, INTERVAL_MS));
    left -= INTERVAL_MS;
  } while (left > 0);
}
