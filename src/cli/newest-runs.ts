import type { RunView } from "../run/view-run.ts";
import type { RunReader } from "./read-runs.ts";

/**
 * The newest runs, oldest first, as many as asked for: a run is folded only when it is shown, or to see whether it waits.
 *
 * @returns them, and how many older ones were not looked at.
 */
export function newestRuns(
  { store, view }: Pick<RunReader, "store" | "view">,
  waiting: boolean,
  most: number,
): { runs: RunView[]; older: number } {
  const rows = store.runs({ openOnly: waiting });
  const runs: RunView[] = [];
  let left = rows.length;
  while (left > 0 && runs.length < most) {
    left -= 1;
    const row = rows[left];
    const seen = row && view(row.run);
    if (seen !== undefined && (!waiting || seen.state === "waiting")) runs.unshift(seen);
  }
  return { runs, older: left };
}
