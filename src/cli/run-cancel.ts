import { cancelRun } from "../run/cancel-run.ts";
import { viewRun } from "../run/view-run.ts";
import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { printRun } from "./print-run.ts";

export const command = defineCommand({
  parameters: { run: argument("id of the run") },
  example: "run cancel 3f9ab2c41d07e865",
  async run({ run }, context) {
    return withLane(context, async ({ lane }) => {
      await cancelRun(lane, run);
      const view = viewRun(lane, run);
      return {
        exit: view.state === "closed" ? exit.done : exit.waiting,
        json: view,
        print: (out) => printRun(out, view),
      };
    });
  },
});
