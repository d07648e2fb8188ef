import type { JsonObject } from "../format/json.ts";
import { argument, defineCommand } from "./command.ts";
import { withLane } from "./open-lane.ts";
import { exitOfRun, printRun } from "./print-run.ts";
import { inputParameters, inputsOf, requestOf, requestParameters } from "./run-request.ts";
import { startAndDrive } from "./start-and-drive.ts";

export const command = defineCommand({
  parameters: {
    runbook: argument("id of a runbook, or the path of its file"),
    ...inputParameters,
    ...requestParameters,
  },
  example: "run start exposure-check --input target=example.com --engagement acme --as ana",
  async run(given, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const runbook = definitions.runbook(given.runbook);
      const inputs = inputsOf(runbook.inputs as JsonObject, given);
      const view = await startAndDrive(
        lane,
        definitions,
        requestOf(definitions, runbook, inputs, given),
        context,
      );
      return { exit: exitOfRun(view), json: view, print: (out) => printRun(out, view) };
    });
  },
});
