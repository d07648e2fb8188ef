import type { JsonObject } from "../../format/json.ts";
import type { ImportReport } from "./import-report.ts";
import { shortText } from "./playbook-text.ts";

/** Members of steps that the drafts say in some way, or that other losses name. */
const SAID =
  /^(type|name|description|delay|timeout|step_variables|step_extensions|on_(completion|success|failure|true|false)|next_steps|switch|cases|condition|commands|agent|targets?|target_ids|in_args|out_args|playbook_id|playbook_version)$/;

/** Lists what a step has beyond what the drafts say. */
export function loseMembers(id: string, path: string, step: JsonObject, to: ImportReport): void {
  for (const name of Object.keys(step))
    if (!SAID.test(name))
      to.lose(
        id,
        `${path}.${shortText(name, 60)}`,
        `\`${shortText(name, 60)}\` of the step`,
        "whether its title or its task should say it",
      );
  for (const name of ["delay", "timeout"]) {
    const value = step[name];
    const isPlain =
      value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0);
    if (!isPlain)
      to.lose(
        id,
        `${path}.${name}`,
        `\`${name}\`, which is no whole number of milliseconds`,
        "how long it should be",
      );
    else if (step.type === "end" && value !== undefined && value !== 0)
      to.lose(
        id,
        `${path}.${name}`,
        `\`${name}\` of an end, which does nothing`,
        "whether something should wait",
      );
  }
}
