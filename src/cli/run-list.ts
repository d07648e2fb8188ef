import { usage } from "./cli-error.ts";
import { defineCommand, flag, option } from "./command.ts";
import { exit } from "./exit.ts";
import { newestRuns } from "./newest-runs.ts";
import { withRuns } from "./read-runs.ts";

export const command = defineCommand({
  parameters: {
    waiting: flag("--waiting", "only runs that wait for somebody"),
    limit: option("--limit <n>", "how many of the newest at most (default: 100)"),
  },
  example: "run list --waiting",
  async run({ waiting, limit = "100" }, context) {
    const most = Number(limit);
    if (!Number.isInteger(most) || most < 1)
      throw usage(`\`${limit}\` is no number of runs`, "give a whole number");
    const { runs, older } = await withRuns(context, (reader) => newestRuns(reader, waiting, most));
    return {
      exit: exit.done,
      json: {
        older,
        runs: runs.map(({ run, runbook, engagement, requester, openedAt, state, outcome }) => ({
          run,
          runbook,
          engagement,
          requester,
          openedAt,
          state,
          outcome,
        })),
      },
      print(out) {
        if (runs.length === 0) out.line(waiting ? "no run waits for anybody" : "no runs yet");
        else {
          out.table(
            ["run", "state", "runbook", "engagement", "asked by", "opened (host)"],
            runs.map((view) => [
              view.run,
              view.outcome ?? view.state,
              view.runbook,
              view.engagement,
              view.requester,
              view.openedAt,
            ]),
          );
        }
        if (older > 0)
          out.line(
            `${older} older ${waiting ? "open runs were not looked at" : "runs are not shown"}: give \`--limit\``,
          );
      },
    };
  },
});
