import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { refused } from "./cli-error.ts";

/** Writes a file that is not there yet, its folders included. @throws CliError `REFUSED` when it is. */
export function writeNewFile(path: string, content: string | Uint8Array, mode = 0o644): void {
  if (existsSync(path))
    throw refused(`there is already a file at \`${path}\``, "name another path, or remove it first");
  mkdirSync(dirname(path), { recursive: true });
  put(path, "wx", content, mode);
}

/** Replaces a file in one step: readers see the old or the new one, whole. */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    put(temporary, "wx", content, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function put(path: string, flags: string, content: string | Uint8Array, mode: number): void {
  const file = openSync(path, flags, mode);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
