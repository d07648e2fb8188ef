import { defineCommand } from "./command.ts";
import { authorizationProblems } from "./engagement-state.ts";
import { exit } from "./exit.ts";
import { openWorkspace } from "./open-definitions.ts";
import { withLedger } from "./open-ledger.ts";

export const command = defineCommand({
  parameters: {},
  example: "engagement list",
  async run(_given, context) {
    const engagements = await withLedger(context, async (store, root) => {
      const definitions = openWorkspace(root);
      return Promise.all(
        definitions.engagements().map(async (engagement) => ({
          id: engagement.id,
          version: engagement.version,
          environment: engagement.environment,
          status: store.status(`engagement:${engagement.id}`) ?? "open",
          notAfter: engagement.window.notAfter,
          problems: await authorizationProblems(definitions, engagement),
        })),
      );
    });
    return {
      exit: exit.done,
      json: { engagements },
      print(out) {
        out.table(
          ["engagement", "version", "environment", "status", "until", "authorization"],
          engagements.map(({ id, version, environment, status, notAfter, problems }) => [
            id,
            version,
            environment,
            status,
            notAfter,
            problems.length === 0
              ? { text: "holds", style: "good" }
              : { text: problems[0] ?? "", style: "warn" },
          ]),
        );
      },
    };
  },
});
