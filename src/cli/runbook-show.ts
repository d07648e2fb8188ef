import type { Runbook } from "../contract/runbook.ts";
import { membersOf } from "./catalog-show.ts";
import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";

export const command = defineCommand({
  parameters: { runbook: argument("id of a runbook, or the path of its file") },
  example: "runbook show exposure-check",
  async run(given, context) {
    const runbook = definitionsOf(context).runbook(given.runbook);
    return {
      exit: exit.done,
      json: { runbook },
      print(out) {
        out.pairs([
          ["runbook", { text: `${runbook.id}@${runbook.version}`, style: "bold" }],
          ["title", runbook.title],
          ["objective", runbook.objective],
          ["technique", runbook.technique],
          ["owner", runbook.owner],
          ["classification", runbook.classification],
          ["scope", runbook.scope.include.map(entryText).join(", ")],
          ["never", runbook.scope.exclude?.map(entryText).join(", ")],
        ]);
        out.heading("inputs");
        out.list(membersOf(runbook.inputs));
        out.heading("steps");
        out.table(
          ["step", "uses", "needs", "when", "gates", "title"],
          runbook.steps.map((step) => [
            step.forEach === undefined ? step.id : `${step.id} (each of at most ${step.forEach.max})`,
            step.uses,
            step.needs?.join(", ") ?? "",
            step.when ?? "",
            step.gates === undefined ? "" : JSON.stringify(step.gates),
            step.title ?? "",
          ]),
        );
      },
    };
  },
});

function entryText(entry: Runbook["scope"]["include"][number]): string {
  return typeof entry === "string" ? entry : `${entry.kind} from ${entry.from}`;
}
