import { diffRunbooks } from "../contract/diff-runbook.ts";
import { argument, defineCommand } from "./command.ts";
import { diffResult } from "./diff-report.ts";
import { definitionsOf } from "./open-definitions.ts";

export const command = defineCommand({
  parameters: {
    before: argument("id of a runbook, or the path of its file"),
    after: argument("the same, after the change"),
  },
  example: "runbook diff exposure-check new/exposure-check.yaml",
  async run({ before, after }, context) {
    const definitions = definitionsOf(context);
    const old = definitions.runbook(before);
    const now = definitions.runbook(after);
    return diffResult(`${old.id}@${old.version}`, `${now.id}@${now.version}`, diffRunbooks(old, now));
  },
});
