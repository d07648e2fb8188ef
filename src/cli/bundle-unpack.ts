import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { tarBundle } from "../verifier/index.ts";
import { writeStream } from "./bundle-export.ts";
import { fileSource } from "./bundle-folder.ts";
import { refused } from "./cli-error.ts";
import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";

export const command = defineCommand({
  parameters: {
    bundle: argument("a bundle in one tar"),
    folder: argument("the folder to make"),
  },
  example: "bundle unpack proof.tar proof",
  async run({ bundle, folder }) {
    if (existsSync(folder)) throw refused(`there is already something at \`${folder}\``, "name a new folder");
    const source = fileSource(bundle);
    const temporary = `${folder.replace(/[/\\]+$/, "")}.${process.pid}.tmp`;
    try {
      const tar = tarBundle(source);
      // Listing refuses every path that would leave the folder, or mean two things.
      const files = await tar.list();
      mkdirSync(dirname(folder), { recursive: true });
      mkdirSync(temporary);
      for (const { path } of files) await writeStream(join(temporary, path), tar.read(path));
      renameSync(temporary, folder);
      return {
        exit: exit.done,
        json: { folder, files: files.length },
        print(out) {
          out.line(`${files.length} files in ${folder}; nothing was checked yet`);
          out.line(`  witnessops verify ${folder} --trust trust.json`);
        },
      };
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw error;
    } finally {
      source.close();
    }
  },
});
