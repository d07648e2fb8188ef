import { utcFromMillis } from "../format/time.ts";
import { recordEngagementStatus } from "../run/record-governance.ts";
import { isUnreviewed, reviewsOf } from "../run/reviews.ts";
import { stopEngagement } from "../run/stop-engagement.ts";
import { refused } from "./cli-error.ts";
import { argument, defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    reason: requiredOption("--reason <text>", "why"),
    as: option("--as <principal>", "who says so (default: the engagement's owner)"),
  },
  example: "engagement close acme --reason 'report delivered'",
  async run({ id, reason, as }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const engagement = definitions.engagement(id);
      if (lane.store.status(`engagement:${engagement.id}`) === "closed") {
        throw refused(`engagement \`${engagement.id}\` is closed`, "nothing runs in it any more");
      }
      const due = reviewsOf(lane.store, engagement.id, utcFromMillis(Date.now())).filter(isUnreviewed);
      if (due[0] !== undefined) {
        throw refused(
          `${due.map(({ invocation }) => `\`${invocation}\``).join(", ")}: somebody acted without approval, and nobody has reviewed it`,
          `witnessops run review ${due[0].run}`,
        );
      }
      const actor = as ?? engagement.owner;
      const { digest } = await recordEngagementStatus(lane, actor, engagement.id, "closed", reason);
      const runs = await stopEngagement(lane, engagement.id);
      return {
        exit: exit.done,
        json: { engagement: engagement.id, status: "closed", reason, receipt: digest, runs },
        print(out) {
          out.line(`${engagement.id} is closed: nothing runs in it any more`);
          if (runs.ended.length > 0) out.line(`ended: ${runs.ended.join(", ")}`);
          if (runs.left.length > 0) out.line(`still open, see \`run show\`: ${runs.left.join(", ")}`);
        },
      };
    });
  },
});
