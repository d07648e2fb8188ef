import { readFileSync } from "node:fs";
import { toBase64 } from "../format/base64.ts";
import { noteKeyText, parseSignedNote } from "../format/signed-note.ts";
import { sweepLogFolder } from "../store/log-folder.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { defineCommand, flag, option } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { logFolderPath } from "./open-log.ts";

export const command = defineCommand({
  parameters: {
    newOrigin: flag(
      "--new-origin",
      "start the log that witnessops.yaml names now, linked to the old one's head",
    ),
    previous: option(
      "--previous <file>",
      "with `--new-origin`: the newest checkpoint that the old log published",
    ),
  },
  example: "log checkpoint",
  async run({ newOrigin, previous }, context) {
    if (previous !== undefined && !newOrigin)
      throw usage("`--previous` needs `--new-origin`", "witnessops log checkpoint --help");
    return withLane(context, async ({ lane, definitions, log }) => {
      if (log === undefined)
        throw notFound("the workspace has no log", "name its `log.origin` in witnessops.yaml");
      if (newOrigin) {
        const published = previous === undefined ? undefined : readPublished(previous);
        await log.renew(lane, definitions.workspace().owner, published);
      }
      await sweepLogFolder(logFolderPath(lane.root));
      const head = await log.checkpoint();
      if (head === undefined) throw refused("there is nothing to log yet", "witnessops receipt list");
      const { size, root, bytes, missing } = head;
      const own = log.key.name;
      const cosigned = parseSignedNote(bytes).signatures.flatMap(({ name }) => (name === own ? [] : [name]));
      const json = {
        origin: own,
        key: noteKeyText(log.key),
        size,
        root: toBase64(root),
        cosigned,
        missing,
        checkpoint: new TextDecoder().decode(bytes),
      };
      return {
        exit: exit.done,
        json,
        print(out) {
          out.pairs([
            ["log", own],
            ["entries", String(size)],
            ["root", json.root],
            ["key", json.key],
            ["cosigned", cosigned.length === 0 ? undefined : cosigned.join(", ")],
            ...missing.map(({ name, why, detail }) => ["not by", `${name}: ${why}, ${detail}`] as const),
          ]);
        },
      };
    });
  },
});

function readPublished(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw notFound(`there is no checkpoint at \`${path}\``, "name the file `checkpoint` that was published");
  }
}
