// A process that is killed at every step of making a checkpoint, one step later each time, on one ledger that goes on.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { toHex } from "../../src/format/base64.ts";
import { type Checkpoint, parseCheckpoint } from "../../src/format/checkpoint.ts";
import { leafHash, type TreeHash, verifyConsistency } from "../../src/format/merkle.ts";
import { isSignedBy, parseSignedNote } from "../../src/format/signed-note.ts";
import { entriesPath, hashesOf, tileAt, tilePath, tilesBetween } from "../../src/format/tile.ts";
import { proveConsistency, type ReadNodes, rootAt } from "../../src/ledger/tree-proof.ts";
import { logKey, openLogWorkspace } from "../fixtures/log-workspace.ts";

const program = join(import.meta.dirname, "log-process.ts");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the process; resolves to its steps, or undefined when it was killed. */
function run(stream: string, rounds: number, killAt: number): Promise<number | undefined> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", program, folder, stream, `${rounds}`, `${killAt}`],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  return new Promise((resolve, reject) =>
    child.on("exit", (status, signal) => {
      if (signal === "SIGKILL") resolve(undefined);
      else if (status === 0) resolve(Number(out));
      else reject(new Error(`the process ended with ${status}`));
    }),
  );
}

/** What is published is whole: signed, and every tile and entry below it is there. */
async function checkPublished(): Promise<{ checkpoint: Checkpoint; read: ReadNodes } | undefined> {
  const root = join(folder, "published");
  if (!existsSync(join(root, "checkpoint"))) return undefined;
  const note = parseSignedNote(readFileSync(join(root, "checkpoint")));
  const checkpoint = parseCheckpoint(note.text);
  expect(await isSignedBy(note, logKey())).toBe(true);
  const tile = (level: number, n: number): TreeHash[] => {
    const path = tilePath(tileAt(level, n, checkpoint.size) ?? { level, n, width: 0 });
    return hashesOf(readFileSync(join(root, path))) ?? [];
  };
  const read: ReadNodes = (level, from, to) => {
    const n = Math.floor(from / 256);
    return tile(level, n).slice(from - 256 * n, to - 256 * n);
  };
  expect(toHex(rootAt(checkpoint.size, read))).toBe(toHex(checkpoint.root));
  for (const { level, n, width } of tilesBetween(0, checkpoint.size)) {
    if (level > 0) continue;
    const entries = entriesIn(readFileSync(join(root, entriesPath(n, width))));
    expect(entries.map((entry) => toHex(leafHash(entry)))).toEqual(tile(0, n).map(toHex));
  }
  return { checkpoint, read };
}

function entriesIn(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    entries.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}

/** Never two roots at one size, whatever was signed by whichever process. */
function signedRoots(): Map<number, string> {
  const roots = new Map<number, string>();
  for (const line of readFileSync(join(folder, "signed.txt"), "utf8").trimEnd().split("\n")) {
    const { size, root } = parseCheckpoint(JSON.parse(line));
    expect([size, roots.get(size) ?? toHex(root)]).toEqual([size, toHex(root)]);
    roots.set(size, toHex(root));
  }
  return roots;
}

/** What a process does that starts after the killed one. */
async function goOn(): Promise<void> {
  const { log, store } = openLogWorkspace(folder);
  await log.checkpoint();
  store.close();
}

it("killed at every step, the log goes on, and never has two roots at one size", async () => {
  let before: Checkpoint | undefined;
  let killed = 0;
  for (let killAt = 1; ; killAt++) {
    const steps = await run("workspace", 1, killAt);
    await checkPublished();
    await goOn();
    const now = await checkPublished();
    if (before !== undefined && now !== undefined) {
      const { checkpoint, read } = now;
      expect(checkpoint.size).toBeGreaterThanOrEqual(before.size);
      expect(
        verifyConsistency(before, checkpoint, proveConsistency(before.size, checkpoint.size, read)),
      ).toBe(true);
    }
    before = now?.checkpoint ?? before;
    if (steps !== undefined) break;
    killed += 1;
  }
  expect(killed).toBeGreaterThan(10);
  const roots = signedRoots();
  const { store } = openLogWorkspace(folder);
  expect([store.log.pending(), store.log.size()]).toEqual([0, before?.size]);
  expect(store.log.size()).toBe(130 * (killed + 1));
  for (const { size, root } of store.log.heads(logKey().name))
    expect([size, roots.get(size) ?? toHex(root)]).toEqual([size, toHex(root)]);
  store.close();
}, 240_000);

it("two processes make one log", async () => {
  await Promise.all([run("run:one", 8, 0), run("run:two", 8, 0)]);
  signedRoots();
  const now = await checkPublished();
  const { store } = openLogWorkspace(folder);
  expect([store.log.size(), store.log.pending(), now?.checkpoint.size]).toEqual([2080, 0, 2080]);
  for (const stream of ["run:one", "run:two"]) {
    const indexes = store.log.indexes(stream);
    expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
    expect(indexes).toHaveLength(1040);
  }
  store.close();
}, 120_000);
