import { createHash } from "node:crypto";
import { constants, open, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, sep } from "node:path";
import { type Capture, CaptureRefused } from "../../adapter/adapter.ts";
import type { Digest } from "../../format/digest.ts";

const PIECE = 64 * 1024;

/** A file that was read once. */
export interface ReadFile {
  readonly size: number;
  readonly sha256: Digest;
  /** The bytes when they were to be kept. */
  readonly bytes: Uint8Array;
}

/** The file may not be read: `PATH_REFUSED` leads out of the workspace, `NOT_A_FILE` is no regular file. */
export class FileRefused extends Error {
  readonly code: "PATH_REFUSED" | "NOT_A_FILE" | "NOT_FOUND";
  constructor(code: "PATH_REFUSED" | "NOT_A_FILE" | "NOT_FOUND", message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "FileRefused";
    this.code = code;
  }
}

/**
 * Reads a file of the workspace once, from one descriptor: its bytes are hashed, captured and kept as they
 * come, so that all three are about the same bytes.
 *
 * @param keep how many bytes may be kept for parsing; 0 keeps none.
 * @throws FileRefused, CaptureRefused `SIZE_EXCEEDED` over `keep`, or the file system's error.
 */
export async function readFile(
  path: string,
  root: string,
  keep: number,
  capture: Capture,
  signal: AbortSignal,
): Promise<ReadFile> {
  const handle = await openInside(path, root);
  try {
    if (!(await handle.stat()).isFile())
      throw new FileRefused("NOT_A_FILE", `\`${path}\` is no regular file`);
    const writer = capture.wants("file") ? capture.open("file", { source: "workspace file" }) : undefined;
    const hash = createHash("sha256");
    const kept: Buffer[] = [];
    let size = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE), 0, PIECE);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      size += bytesRead;
      if (keep > 0 && size > keep) {
        throw new CaptureRefused("SIZE_EXCEEDED", `the file is longer than ${keep} bytes`);
      }
      hash.update(piece);
      if (keep > 0) kept.push(piece);
      await writer?.write(piece);
    }
    await writer?.end();
    return { size, sha256: `sha256:${hash.digest("hex")}`, bytes: Buffer.concat(kept) };
  } finally {
    await handle.close();
  }
}

/** Opens a file below the workspace; no symbolic link leads out, and the last part may not be one. */
async function openInside(path: string, root: string) {
  const refused = new FileRefused("PATH_REFUSED", `\`${path}\` does not lie in the workspace`);
  if (path.includes("\0") || isAbsolute(path) || path.split(/[\\/]/).includes("..")) throw refused;
  const workspace = await realpath(root);
  try {
    const whole = join(workspace, path);
    const folder = await realpath(dirname(whole));
    if (folder !== workspace && !folder.startsWith(`${workspace}${sep}`)) throw refused;
    // Non-blocking: opening a named pipe would wait for its writer.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return await open(join(folder, basename(whole)), flags);
  } catch (error) {
    const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new FileRefused("NOT_FOUND", `the workspace has no file \`${path}\``, error);
    }
    if (code === "ELOOP") throw new FileRefused("PATH_REFUSED", `\`${path}\` is a symbolic link`, error);
    throw error;
  }
}
