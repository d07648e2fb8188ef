import type { Change } from "../contract/change.ts";
import type { Result } from "./command.ts";
import { exit } from "./exit.ts";

/** Changes between two documents; 1 when any of them is breaking. */
export function diffResult(before: string, after: string, changes: readonly Change[]): Result {
  const breaking = changes.some((change) => change.breaking);
  return {
    exit: breaking ? exit.refused : exit.done,
    json: { before, after, breaking, changes },
    print(out) {
      out.line(`${before} to ${after}`);
      if (changes.length === 0) out.line("nothing changed");
      else {
        out.table(
          ["", "where", "change"],
          changes.map((change) => [
            change.breaking ? { text: "breaking", style: "bad" } : "",
            change.path,
            change.change,
          ]),
        );
      }
    },
  };
}
