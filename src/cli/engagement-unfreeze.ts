import { recordFreeze } from "../run/record-governance.ts";
import { refused } from "./cli-error.ts";
import { defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: {
    reason: requiredOption("--reason <text>", "why"),
    as: option("--as <principal>", "who says so (default: the workspace's owner)"),
  },
  example: "engagement unfreeze --reason 'end of the quarter'",
  run({ reason, as }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      if ((lane.store.status("freeze") ?? "off") === "off")
        throw refused("no freeze is on", "witnessops engagement list");
      const { digest } = await recordFreeze(lane, as ?? definitions.workspace().owner, "off", reason);
      return {
        exit: exit.done,
        json: { freeze: false, reason, receipt: digest },
        print: (out) => out.line("the freeze has ended"),
      };
    });
  },
});
