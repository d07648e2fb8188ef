import { readFileSync } from "node:fs";
import { auditLog } from "../run/audit-log.ts";
import { notFound } from "./cli-error.ts";
import { defineCommand, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { logFolders } from "./open-log.ts";

export const command = defineCommand({
  parameters: {
    against: repeatedOption(
      "--against <file>",
      "a checkpoint that was kept elsewhere: the log must continue it",
    ),
  },
  example: "log audit --against published/checkpoint",
  async run({ against }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const { log, root } = lane;
      if (log === undefined)
        throw notFound("the workspace has no log", "name its `log.origin` in witnessops.yaml");
      context.progress("reading every entry, file and artifact");
      const kept = against.map((path) => ({ name: `\`${path}\``, bytes: readKept(path) }));
      const folders = logFolders(root, definitions.workspace());
      const audit = await auditLog(lane, { key: log.key, folders, against: kept });
      const { faults, ...counts } = audit;
      return {
        exit: faults.length === 0 ? exit.done : exit.refused,
        json: audit,
        print(out) {
          out.pairs([
            ["log", counts.origin],
            ["entries", `${counts.entries}, and ${counts.pending} not logged yet`],
            ["heads", String(counts.heads)],
            ["files", String(counts.files)],
            ["artifacts", `${counts.artifacts}, ${counts.artifactBytes} bytes`],
          ]);
          for (const fault of faults) out.line({ text: "fault: ", style: "bad" }, fault);
        },
      };
    });
  },
});

function readKept(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw notFound(`there is no checkpoint at \`${path}\``, "name a file that was kept as it was published");
  }
}
