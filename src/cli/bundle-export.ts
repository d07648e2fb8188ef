import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeTar } from "../format/tar.ts";
import { type BundleFile, exportBundle } from "../run/export-bundle.ts";
import type { Lane } from "../run/lane.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { defineCommand, option, repeatedOption, restArguments } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: {
    runs: restArguments("ids of the runs"),
    engagement: option("--engagement <id>", "all runs of this engagement"),
    comparableWith: repeatedOption(
      "--comparable-with <entries>",
      "a size of the log that a reviewer has pinned: with what shows that the log continues it",
    ),
    out: option("-o, --out <path>", "a `.tar`, or a folder (default: <run>.tar)"),
  },
  example: "bundle export 3f9ab2c41d07e865 -o proof.tar",
  async run({ runs: named, engagement, comparableWith, out: given }, context) {
    if ((named.length === 0) === (engagement === undefined))
      throw usage("name the runs, or an engagement with all of its runs", "witnessops run list");
    const sizes = comparableWith.map(sizeFrom);
    return withLane(context, async ({ lane }) => {
      const runs = engagement === undefined ? [...new Set(named)] : runsOf(lane, engagement);
      const path = given ?? `${engagement ?? runs[0]}.tar`;
      const release = await lane.store.holdBytes();
      let files: BundleFile[];
      try {
        files = await exportBundle(lane, runs, { sizes, tell: context.progress });
        await writeBundle(path, files);
      } finally {
        await release();
      }
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      return {
        exit: exit.done,
        json: { path, runs, files: files.length, bytes },
        print(out) {
          out.line(`${files.length} files, ${bytes} bytes, in ${path}`);
          out.line(`  witnessops verify ${path} --trust trust.json`);
        },
      };
    });
  },
});

function sizeFrom(text: string): number {
  const size = Number(text);
  if (/^[1-9][0-9]*$/.test(text) && Number.isSafeInteger(size)) return size;
  throw usage(
    `\`${text}\` is not a size of the log`,
    "name the `size` of the pinned checkpoint, a whole number",
  );
}

/** The runs of an engagement in the order they were opened. @throws CliError `NOT_FOUND` when there is none. */
function runsOf(lane: Lane, engagement: string): string[] {
  const all = lane.store.runs().map(({ run }) => run);
  const runs = all.filter((run) => lane.states.load(run).document.engagement.id === engagement);
  if (runs.length === 0) throw notFound(`engagement \`${engagement}\` has no runs`, "witnessops run list");
  return runs;
}

/**
 * Writes a bundle as one deterministic tar when the path ends in `.tar`, else as a folder. It appears under its name
 * only when it is whole.
 *
 * @throws CliError `REFUSED` when something is there already.
 */
export async function writeBundle(path: string, files: readonly BundleFile[]): Promise<void> {
  if (existsSync(path)) throw refused(`there is already something at \`${path}\``, "name another path");
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path.replace(/[/\\]+$/, "")}.${process.pid}.tmp`;
  try {
    if (path.endsWith(".tar")) await writeStream(temporary, writeTar(files));
    else for (const file of files) await writeStream(join(temporary, file.path), file.read());
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Writes a stream of bytes to a new file, with its folders; memory stays flat. */
export async function writeStream(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const stream = createWriteStream(path, { flags: "wx", flush: true });
  try {
    for await (const chunk of bytes) {
      if (!stream.write(chunk)) await once(stream, "drain");
    }
    stream.end();
    await once(stream, "close");
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
