import { defineCommand, flag } from "./command.ts";
import { exit } from "./exit.ts";
import { withRuns } from "./read-runs.ts";

export const command = defineCommand({
  parameters: { waiting: flag("--waiting", "only runs that wait for somebody") },
  example: "run list --waiting",
  async run({ waiting }, context) {
    const runs = await withRuns(context, ({ store, view }) =>
      store
        .runs({ openOnly: waiting })
        .map(({ run }) => view(run))
        .filter(({ state }) => !waiting || state === "waiting"),
    );
    return {
      exit: exit.done,
      json: {
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
      },
    };
  },
});
