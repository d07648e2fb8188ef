import { createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArtifactFiles, PendingFile } from "../evidence/artifact-store.ts";
import { type Digest, hexOf, isDigest } from "../format/digest.ts";
import { StoreError } from "../run/store-error.ts";
import { isGone, processIdentity } from "./process-identity.ts";

const READ_BYTES = 1024 * 1024;

/**
 * Opens a folder of artifacts: `sha256/ab/<hex>` for what is kept, `tmp/` for what is being written, readable
 * by its owner only. A file appears under its digest only once it is whole and synced.
 *
 * @throws StoreError `STORE_READ_ONLY`, `STORE_FULL`, `STORE_UNAVAILABLE`; reading also `STORE_CORRUPT`.
 */
export function openArtifactFolder(root: string): ArtifactFiles {
  const temporary = join(root, "tmp");
  guardSync(() => mkdirSync(temporary, { recursive: true, mode: 0o700 }));

  return {
    async begin() {
      const path = join(temporary, temporaryName());
      const handle = await guard(open(path, "wx", 0o600));
      return pendingFile(root, path, handle);
    },
    read: (digest) => readVerified(pathOf(root, digest), digest),
    has: (digest) => exists(pathOf(root, digest)),
    async *list() {
      const kept = join(root, "sha256");
      for (const folder of (await exists(kept)) ? await guard(readdir(kept)) : []) {
        for (const name of await guard(readdir(join(kept, folder)))) {
          if (isDigest(`sha256:${name}`)) yield `sha256:${name}`;
        }
      }
    },
    remove(digest) {
      const path = pathOf(root, digest);
      guardSync(() => {
        if (!existsSync(path)) return;
        rmSync(path);
        syncFolderSync(dirname(path));
      });
    },
    async sweep() {
      let swept = 0;
      for (const name of await guard(readdir(temporary))) {
        if (!isLeftover(name)) continue;
        await guard(rm(join(temporary, name), { force: true }));
        swept++;
      }
      return swept;
    },
  };
}

function pendingFile(root: string, path: string, handle: FileHandle): PendingFile {
  let open = true;

  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    await handle.close();
  }

  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await guard(handle.write(bytes, at, bytes.length - at));
        at += bytesWritten;
      }
    },
    async keep(digest) {
      const target = pathOf(root, digest);
      await guard(handle.sync());
      await guard(close());
      if (await exists(target)) {
        await guard(rm(path, { force: true }));
      } else {
        await makeFolder(dirname(target));
        await guard(rename(path, target));
      }
      // The file that was there before may be another writer's whose own sync is still to come.
      await syncFolder(dirname(target));
    },
    async drop() {
      await close().catch(() => undefined);
      await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** `pid.started.host.random`: enough to tell later whether the writer still lives. */
function temporaryName(): string {
  const { host, started } = processIdentity(process.pid);
  const place = Buffer.from(host).toString("base64url");
  return `${process.pid}.${started}.${place}.${randomBytes(8).toString("hex")}`;
}

function isLeftover(name: string): boolean {
  const [pid, started, place] = name.split(".");
  if (pid === undefined || started === undefined || place === undefined || !/^\d+$/.test(pid)) return false;
  return isGone(Number(pid), { host: Buffer.from(place, "base64url").toString(), started });
}

function pathOf(root: string, digest: Digest): string {
  const hex = hexOf(digest);
  return join(root, "sha256", hex.slice(0, 2), hex);
}

async function* readVerified(path: string, digest: Digest): AsyncIterable<Uint8Array> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") throw damaged(`artifact \`${digest}\` is missing`, cause);
    throw fault(cause);
  }
  try {
    const hash = createHash("sha256");
    for (;;) {
      const { bytesRead, buffer } = await guard(handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES));
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest("hex") !== hexOf(digest)) {
      throw damaged(`the bytes of artifact \`${digest}\` do not have its digest`);
    }
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return false;
      throw fault(error);
    },
  );
}

/** Makes the folder and those above it, and makes each new name durable in the one that holds it. */
async function makeFolder(path: string): Promise<void> {
  const first = await guard(mkdir(path, { recursive: true, mode: 0o700 }));
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder to sync it; its renames are journalled.
  if (process.platform === "win32") return;
  const handle = await guard(open(path, "r"));
  try {
    await guard(handle.sync());
  } finally {
    await handle.close();
  }
}

function syncFolderSync(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

async function guard<T>(action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (cause) {
    throw fault(cause);
  }
}

function guardSync<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw fault(cause);
  }
}

function fault(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  switch (codeOf(cause)) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new StoreError({
        code: "STORE_FULL",
        message: "the artifact could not be written: the disk or a quota is full",
        hint: "free space and run the same command again",
        cause,
      });
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new StoreError({
        code: "STORE_READ_ONLY",
        message: "the artifact folder cannot be written or read",
        hint: "give this user permission on the workspace's `.witnessops` folder and its files",
        cause,
      });
    default:
      return new StoreError({
        code: "STORE_UNAVAILABLE",
        message: "the artifact folder reported an error",
        hint: "check the disk, then run `witnessops doctor`",
        cause,
      });
  }
}

function damaged(message: string, cause?: unknown): StoreError {
  return new StoreError({
    code: "STORE_CORRUPT",
    message,
    hint: "restore it from a proof bundle or a backup",
    cause,
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
