import { randomBytes } from "node:crypto";
import { constants, readFileSync } from "node:fs";
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hashesOf, TILE_WIDTH, tileAt, tilePath } from "../format/tile.ts";
import { LogError } from "../ledger/log-error.ts";
import type { LogFolder } from "../ledger/log-folder.ts";
import type { ReadNodes } from "../ledger/tree-proof.ts";
import { isGone, processIdentity } from "./process-identity.ts";

const LOCK = ".lock";
const MAX_WAIT_MS = 10_000;
const RETRY_MS = 20;

export interface LogFolderOptions {
  /** Whether only this user may read it. Default false: a log is made to be published. */
  readonly isPrivate?: boolean;
}

/**
 * Opens a folder that a log is published in; it is made when the first file is written. Every file appears under its
 * name only once it is whole and synced, and so is every new folder.
 */
export function openLogFolder(root: string, { isPrivate = false }: LogFolderOptions = {}): LogFolder {
  const modes = isPrivate ? { file: 0o600, folder: 0o700 } : { file: 0o644, folder: 0o755 };
  const synced = new Set<string>();

  /** Makes a folder and those above it, and each new name durable in the one that holds it. */
  async function makeFolder(path: string): Promise<void> {
    if (synced.has(path)) return;
    const first = await mkdir(path, { recursive: true, mode: modes.folder });
    if (first !== undefined)
      for (let made = path; made.length >= first.length; made = dirname(made))
        await syncFolder(dirname(made));
    synced.add(path);
  }

  async function writeOne(path: string, bytes: Uint8Array): Promise<void> {
    await makeFolder(dirname(path));
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
    try {
      const handle = await open(temporary, "wx", modes.file);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  return {
    name: `\`${root}\``,
    read: (path) =>
      guard(
        root,
        readFile(join(root, path)).catch((error: unknown) => {
          if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
          throw error;
        }),
      ),
    async write(files) {
      await guard(root, Promise.all(files.map(({ path, bytes }) => writeOne(join(root, path), bytes))));
      const folders = new Set(files.map(({ path }) => dirname(join(root, path))));
      await guard(root, Promise.all([...folders].map(syncFolder)));
    },
    async remove(path) {
      synced.delete(join(root, path));
      await guard(root, rm(join(root, path), { recursive: true, force: true }));
    },
    async setAside(suffix) {
      synced.clear();
      await guard(root, rename(root, `${root}.${suffix}`));
      await guard(root, syncFolder(dirname(resolve(root))));
    },
    lock: () => takeLock(resolve(root), makeFolder),
  };
}

/**
 * Reads nodes of a tree of `size` entries from its tile files, each file once.
 *
 * @throws LogError `LOG_FOLDER` when a tile is not there or not whole.
 */
export function tileNodes(root: string, size: number): ReadNodes {
  const read = new Map<string, Uint8Array>();
  return (level, from, to) => {
    const n = Math.floor(from / TILE_WIDTH);
    const tile = tileAt(level, n, size);
    const path = join(root, tilePath(tile ?? { level, n, width: TILE_WIDTH }));
    const bytes = read.get(path) ?? readTile(root, path);
    read.set(path, bytes);
    return hashesOf(bytes.subarray(32 * (from - n * TILE_WIDTH), 32 * (to - n * TILE_WIDTH))) ?? [];
  };
}

function readTile(root: string, path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusable(root, cause);
  }
}

/** Removes what a process left in a log's folder that ended while it wrote. @returns how many files that were. */
export async function sweepLogFolder(root: string): Promise<number> {
  const names = await readdir(root, { recursive: true }).catch(() => [] as string[]);
  let swept = 0;
  for (const name of names) {
    const [, pid] = /\.([0-9]+)\.[0-9a-f]{8}\.tmp$/.exec(name) ?? [];
    if (pid === undefined || !isGone(Number(pid), processIdentity(Number(pid)))) continue;
    await rm(join(root, name), { force: true });
    swept += 1;
  }
  return swept;
}

async function takeLock(
  root: string,
  makeFolder: (path: string) => Promise<void>,
): Promise<() => Promise<void>> {
  const path = join(root, LOCK);
  const { host, started } = processIdentity(process.pid);
  const mine = JSON.stringify({ pid: process.pid, host, started });
  await guard(root, makeFolder(root));
  for (const began = performance.now(); performance.now() - began < MAX_WAIT_MS; ) {
    if (await guard(root, placeNew(path, mine))) return () => rm(path, { force: true });
    if (isLeft(await readLock(path))) await rm(path, { force: true });
    else await delay(RETRY_MS);
  }
  throw new LogError({
    code: "LOG_BUSY",
    message: `another process has been publishing in \`${root}\` for too long`,
    hint: `wait for it or end it; when none runs, remove \`${path}\``,
  });
}

/** Puts a file there whole, unless there is one. */
async function placeNew(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(temporary, text, { flag: "wx", mode: 0o600 });
    await link(temporary, path).catch((error: unknown) => {
      if (codeOf(error) === "EEXIST") throw error;
      // Some file systems have no hard links.
      return copyFile(temporary, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

function readLock(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

/** Whether a lock is of a process that is gone. One that cannot be read was just given back. */
function isLeft(text: string | undefined): boolean {
  try {
    const { pid, host, started } = JSON.parse(text ?? "");
    return isGone(Number(pid), { host: String(host), started: String(started) });
  } catch {
    return false;
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder to sync it; its renames are journalled.
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function guard<T>(root: string, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    throw unusable(root, cause);
  }
}

function unusable(root: string, cause: unknown): LogError {
  return new LogError({
    code: "LOG_FOLDER",
    message: `the log's folder \`${root}\` cannot be read or written: ${cause instanceof Error ? cause.message : "unknown"}`,
    hint: "give this user write permission on it, or free space, and run the command again",
    cause,
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
