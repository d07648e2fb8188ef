import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, realpath, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Digest } from "../../format/digest.ts";

/** A program as it lies on disk. */
export interface Binary {
  /** With every symbolic link resolved. */
  readonly path: string;
  readonly sha256: Digest;
}

/**
 * Folders of a search path in which programs are looked for: absolute ones, outside the workspace, that not
 * everybody may write to. What an attacker could plant is not found.
 */
export async function searchFolders(path: string, root: string): Promise<readonly string[]> {
  const workspace = await realpath(root);
  const folders: string[] = [];
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const real = await realpath(folder).catch(() => undefined);
    if (real === undefined || folders.includes(real) || `${real}${sep}`.startsWith(`${workspace}${sep}`))
      continue;
    const { mode } = await stat(real);
    if ((mode & 0o002) === 0) folders.push(real);
  }
  return folders;
}

/** Finds a program and hashes it; undefined when no folder has it. */
export async function findBinary(command: string, folders: readonly string[]): Promise<Binary | undefined> {
  for (const folder of folders) {
    const candidate = join(folder, command);
    try {
      await access(candidate, constants.X_OK);
      const path = await realpath(candidate);
      if ((await stat(path)).isFile()) return { path, sha256: await hashFile(path) };
    } catch {
      // Not here, or not executable: the next folder may have it.
    }
  }
  return undefined;
}

/** SHA-256 of a file, read in pieces. @throws the file system's error. */
export async function hashFile(path: string): Promise<Digest> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}
