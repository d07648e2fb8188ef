import type { Lane } from "../run/lane.ts";
import type { RunRequest } from "../run/start-run.ts";
import { startRun } from "../run/start-run.ts";
import type { RunView } from "../run/view-run.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { CliError } from "./cli-error.ts";
import type { Context } from "./command.ts";
import { driveRun } from "./drive-run.ts";
import { short } from "./find-receipt.ts";

/** Opens a run and drives it. @throws CliError `REFUSED` with every reason when the run is not admitted. */
export async function startAndDrive(
  lane: Lane,
  definitions: WorkspaceDefinitions,
  request: RunRequest,
  context: Context,
): Promise<RunView> {
  const started = await startRun(lane, request);
  if (!started.started) {
    throw new CliError({
      code: "REFUSED",
      faults: started.problems,
      message: `the run was not admitted; receipt ${short(started.receipt)} says so`,
      hint: hintFor(started.problems, request.engagement),
    });
  }
  context.progress(`run ${started.run}`);
  return driveRun(lane, definitions, started.run, context);
}

function hintFor(problems: readonly string[], engagement: string): string {
  if (problems.some((problem) => problem.includes("catalog lock"))) {
    return "`witnessops catalog lint`, then `witnessops catalog lock`, then let the owner authorize the engagement again";
  }
  const unsigned = /^(no owner has authorized|the owner authorized another)/;
  if (problems.every((problem) => unsigned.test(problem)))
    return `witnessops engagement authorize ${engagement} --key <owner key file>`;
  return `witnessops engagement show ${engagement}`;
}
