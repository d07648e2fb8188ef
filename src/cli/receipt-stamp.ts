import { stampReceipts } from "../run/stamp-receipts.ts";
import { refused } from "./cli-error.ts";
import { defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: {},
  example: "receipt stamp",
  async run(_given, context) {
    return withLane(context, async ({ lane }) => {
      if (lane.time === undefined)
        throw refused(
          "the workspace names no time stamping authority",
          "name one under `time` in `witnessops.yaml`",
        );
      const { stamped, pending, problems } = await stampReceipts(lane);
      return {
        exit: pending === 0 ? exit.done : exit.waiting,
        json: { stamped, pending, problems },
        print(out) {
          out.line(`${stamped} tokens; ${pending} receipts still lack one`);
          for (const { authority, why } of problems)
            out.line({ text: "not stamped: ", style: "warn" }, `${authority}: ${why}`);
        },
      };
    });
  },
});
