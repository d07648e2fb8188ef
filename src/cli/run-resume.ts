import { viewRun } from "../run/view-run.ts";
import { argument, defineCommand } from "./command.ts";
import { driveRun } from "./drive-run.ts";
import { withLane } from "./open-lane.ts";
import { exitOfRun, printRun } from "./print-run.ts";

export const command = defineCommand({
  parameters: { run: argument("id of the run") },
  example: "run resume 3f9ab2c41d07e865",
  async run({ run }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const view = await driveRun(lane, definitions, run, context, viewRun(lane, run));
      return { exit: exitOfRun(view), json: view, print: (out) => printRun(out, view) };
    });
  },
});
