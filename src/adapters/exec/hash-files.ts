import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { hashFile } from "../../adapter/program/find-binary.ts";
import type { Digest } from "../../format/digest.ts";

/** A file that a tool reads, as it was before the tool ran. */
export interface ToolFile {
  /** As the contract names it. */
  readonly path: string;
  readonly absolute: string;
  readonly sha256: Digest;
}

/**
 * Hashes files of the workspace. A path that is absolute, has `..`, leads out through a symbolic link, or is
 * no regular file gives the path itself instead.
 */
export async function hashFiles(
  paths: readonly string[],
  root: string,
): Promise<readonly ToolFile[] | string> {
  const workspace = await realpath(root);
  const files: ToolFile[] = [];
  for (const path of paths) {
    if (isAbsolute(path) || path.split(/[\\/]/).includes("..")) return path;
    try {
      const absolute = await realpath(join(workspace, path));
      if (!absolute.startsWith(`${workspace}${sep}`) || !(await stat(absolute)).isFile()) return path;
      files.push({ path, absolute, sha256: await hashFile(absolute) });
    } catch {
      return path;
    }
  }
  return files;
}

/** The tool's arguments: one that is a declared file's name becomes its absolute path. */
export function argumentsOf(
  { args }: { readonly args: readonly string[] },
  files: readonly Pick<ToolFile, "path" | "absolute">[],
): string[] {
  return args.map((arg) => files.find(({ path }) => path === arg)?.absolute ?? arg);
}
