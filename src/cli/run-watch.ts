import { setTimeout as delay } from "node:timers/promises";
import { argument, defineCommand } from "./command.ts";
import { progressOf } from "./drive-run.ts";
import { exitOfRun, printRun } from "./print-run.ts";
import { withRuns } from "./read-runs.ts";

const POLL_MILLIS = 500;

export const command = defineCommand({
  parameters: { run: argument("id of the run") },
  example: "run watch 3f9ab2c41d07e865",
  async run({ run }, context) {
    return withRuns(context, async ({ states, view }) => {
      const tell = progressOf(context);
      for (;;) {
        tell(states.load(run));
        const now = view(run);
        if (now.state === "closed") {
          return { exit: exitOfRun(now), json: now, print: (out) => printRun(out, now) };
        }
        states.drop(run);
        await delay(POLL_MILLIS);
      }
    });
  },
});
