import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toBase64 } from "../format/base64.ts";
import { collectBytes } from "../format/byte-source.ts";
import type { Digest } from "../format/digest.ts";
import { visibleText } from "../format/visible-text.ts";
import { openArtifactFolder } from "../store/artifact-folder.ts";
import { CliError, notFound, refused } from "./cli-error.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { withLedger } from "./open-ledger.ts";

/** Most bytes that are printed or put into JSON; more goes to a file. */
const MAX_SHOWN = 64 * 1024 * 1024;

export const command = defineCommand({
  parameters: {
    id: argument("id of the artifact: `run/step/attempt/name`"),
    out: option("-o, --out <file>", "write the exact bytes there; without it they are printed"),
  },
  example: "artifact get 3f9ab2c41d07e865/certificate/1/peer-chain -o chain.pem",
  async run({ id, out: path }, context) {
    return withLedger(context, async (store, root) => {
      const row = store.artifacts(id.split("/")[0] ?? "").find(({ artifact }) => artifact.id === id);
      if (row === undefined) throw notFound(`there is no artifact \`${id}\``, "witnessops artifact list");
      const { artifact } = row;
      const digest = artifact.digest as Digest;
      const inline = store.blob(digest);
      const stream =
        inline === undefined
          ? openArtifactFolder(join(root, ".witnessops", "artifacts")).read(digest)
          : [inline];
      if (path !== undefined) {
        if (existsSync(path)) throw refused(`there is already a file at \`${path}\``, "name another path");
        await writeFile(path, stream, { flag: "wx", mode: 0o600 });
        return {
          exit: exit.done,
          json: { artifact, path },
          print: (to) => to.line(`${artifact.size} bytes written to ${path}, ${digest}`),
        };
      }
      if (artifact.size > MAX_SHOWN) {
        throw new CliError({
          code: "USAGE",
          message: `\`${id}\` is too large to print`,
          hint: "add `-o <file>`",
        });
      }
      const bytes = inline ?? (await collectBytes(stream as AsyncIterable<Uint8Array>, MAX_SHOWN));
      return {
        exit: exit.done,
        json: { artifact, bytes: toBase64(bytes) },
        print(to) {
          // A terminal gets the text made harmless, a pipe the bytes as they are.
          if (process.stdout.isTTY) to.text(visibleText(new TextDecoder().decode(bytes)));
          else to.bytes(bytes);
        },
      };
    });
  },
});
