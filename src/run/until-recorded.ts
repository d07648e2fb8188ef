import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";

const MAX_TRIES = 50;

/**
 * Tries to record something about a run until it is recorded, each time on the run as it stands by then.
 *
 * @param record decides anew and records; undefined when somebody else moved the run meanwhile.
 * @throws RunError `RUN_CONTENDED`, and what `record` throws.
 */
export async function untilRecorded<T>(
  lane: Lane,
  run: string,
  record: () => Promise<T | undefined>,
): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const recorded = await record();
    if (recorded !== undefined) return recorded;
    // What the fold kept may be what was behind.
    lane.states.drop(run);
    await lane.sleep(0);
  }
  throw new RunError({
    code: "RUN_CONTENDED",
    message: `run \`${run}\` was changed ${MAX_TRIES} times while it was to be recorded`,
    hint: "run the command again",
  });
}
