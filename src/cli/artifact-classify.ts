import { sensitivities } from "../contract/vocabulary.ts";
import { recordClassification } from "../run/record-evidence.ts";
import { choice } from "./choice.ts";
import { argument, defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: {
    artifact: argument("id of the artifact: `run/step/attempt/name`"),
    sensitivity: requiredOption(
      "--sensitivity <word>",
      "public, internal or confidential; never less than it was",
    ),
    reason: requiredOption("--reason <text>", "why; stands in the receipt"),
    as: option("--as <principal>", "who says so (default: the workspace's owner)"),
  },
  example:
    "artifact classify 3f9ab2c41d07e865/import-1a2b3c4d/1/notes --sensitivity internal --reason 'names nobody'",
  async run({ artifact, sensitivity, reason, as }, context) {
    const word = choice("--sensitivity", sensitivity, [...sensitivities]);
    return withLane(context, async ({ lane, definitions }) => {
      const principal = as ?? definitions.workspace().owner;
      const receipt = await recordClassification(lane, { artifact, principal, reason }, word);
      return {
        exit: exit.done,
        json: { artifact, sensitivity: word, receipt },
        print: (out) => out.line(`${artifact}: ${word}, says ${principal}`),
      };
    });
  },
});
