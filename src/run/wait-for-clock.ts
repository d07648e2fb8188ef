import { millisOf } from "../format/time.ts";
import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";

/** Whether the host's clock has not reached an instant that it has already claimed. */
export function isBehind(lane: Lane, until: string | undefined): until is string {
  return until !== undefined && (millisOf(until) ?? 0) > lane.clock();
}

/**
 * A clock that runs backwards pauses work (design section 10): no receipt is older than the one before it. Waits
 * until the host's clock has reached an instant.
 *
 * @param until UTC.
 * @param most milliseconds that it waits at most.
 * @throws RunError `CLOCK_BACKWARDS` when the clock is further behind.
 */
export async function waitForClock(lane: Lane, until: string, most: number, what: string): Promise<void> {
  const behind = (): number => (millisOf(until) ?? 0) - lane.clock();
  if (behind() > 0 && behind() <= most) await lane.sleep(behind());
  // An interrupted sleep is no reason to go on.
  if (behind() <= 0) return;
  throw new RunError({
    code: "CLOCK_BACKWARDS",
    message: `the clock is ${Math.ceil(behind() / 1000)} s behind the last receipt of ${what}`,
    hint: "set the clock, then run the command again; what was done is recorded or in doubt, not lost",
  });
}
