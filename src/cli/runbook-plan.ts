import type { JsonObject } from "../format/json.ts";
import { type PlannedStep, planRun } from "../run/plan-run.ts";
import { argument, defineCommand } from "./command.ts";
import { describeRule } from "./describe-action.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { type Cell, Printer } from "./output.ts";
import { nameOf } from "./print-run.ts";
import { inputParameters, inputsOf, requestOf, requestParameters } from "./run-request.ts";

export const command = defineCommand({
  parameters: {
    runbook: argument("id of a runbook, or the path of its file"),
    ...inputParameters,
    ...requestParameters,
  },
  example: "runbook plan exposure-check --input target=example.com",
  async run(given, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const runbook = definitions.runbook(given.runbook);
      const inputs = inputsOf(runbook.inputs as JsonObject, given);
      const plan = await planRun(lane, requestOf(definitions, runbook, inputs, given));
      const refused = plan.problems.length > 0 || plan.steps.some(({ decision }) => decision === "deny");
      return {
        exit: refused ? exit.refused : exit.done,
        json: plan,
        print(out) {
          const err = new Printer(process.stderr);
          for (const problem of plan.problems) err.line({ text: "error:", style: "bad" }, ` ${problem}`);
          out.line(`${runbook.id}@${runbook.version}: nothing was called, nothing was recorded`);
          out.heading("steps");
          out.table(
            ["step", "decision", "contract", "why"],
            plan.steps.map((step) => [nameOf(step), decisionCell(step), step.contract, whyOf(step)]),
          );
        },
      };
    });
  },
});

const STYLES = { allow: "good", deny: "bad", pause: "warn", unknown: "dim", skip: "dim" } as const;

function decisionCell({ decision }: PlannedStep): Cell {
  return { text: decision, style: STYLES[decision] };
}

function whyOf({ decision, gates, notes, action }: PlannedStep): string {
  if (decision === "pause" && action !== undefined)
    return describeRule(action.approvalRule, action.requester);
  const refusal = gates.find((gate) => gate.decision !== "allow");
  if (refusal !== undefined) return `${refusal.gate}: ${refusal.reason}`;
  return notes.join("; ");
}
