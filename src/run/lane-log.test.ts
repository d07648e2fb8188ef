import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LogWorkspaceOptions, openLogWorkspace } from "../../test/fixtures/log-workspace.ts";
import { LogError } from "../ledger/log-error.ts";

let root: string;
const open: (() => void)[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "witnessops-lane-log-"));
});
afterEach(() => {
  for (const close of open.splice(0)) close();
  rmSync(root, { recursive: true, force: true });
});

const publish = () => join(root, "published");
function workspace(name: string, options: LogWorkspaceOptions = {}) {
  mkdirSync(join(root, name), { recursive: true });
  const opened = openLogWorkspace(join(root, name), { publish: publish(), ...options });
  open.push(() => opened.store.close());
  return opened;
}
/** What a backup or a copy of a workspace has: the ledger as it is now. */
function copy(from: string, to: string): void {
  mkdirSync(join(root, to), { recursive: true });
  for (const file of ["ledger.sqlite", "ledger.sqlite-wal"]) {
    const path = join(root, from, file);
    if (existsSync(path)) copyFileSync(path, join(root, to, file));
  }
}
const refusal = (code: string) => expect.objectContaining({ code });

describe("a workspace's log", () => {
  it("signs nothing in a restored workspace that is older than what was published", async () => {
    const first = workspace("first");
    await first.append(3);
    await first.log.checkpoint();
    copy("first", "backup");
    await first.append(5);
    await first.log.checkpoint();
    const restored = workspace("backup");
    await expect(restored.log.checkpoint()).rejects.toEqual(refusal("LOG_RESTORED"));
    // Nor when it has grown past it, with another history.
    await restored.append(20, "workspace", "another");
    await expect(restored.log.checkpoint()).rejects.toEqual(refusal("LOG_RESTORED"));
    expect(restored.log.refusal).toBeInstanceOf(LogError);
  });

  it("signs nothing in a copy that went another way, whichever of the two published first", async () => {
    const first = workspace("first");
    await first.append(3);
    await first.log.checkpoint();
    copy("first", "copy");
    const second = workspace("copy");
    await second.append(2, "workspace", "another");
    await second.log.checkpoint();
    await first.append(1);
    await expect(first.log.checkpoint()).rejects.toEqual(refusal("LOG_RESTORED"));
    const alone = workspace("third", { publish: join(root, "elsewhere") });
    await alone.append(9, "workspace", "third");
    await alone.log.checkpoint();
    await expect(workspace("third").log.checkpoint()).rejects.toEqual(refusal("LOG_FORKED"));
  });

  it("of two copies that publish at once, one signs", async () => {
    const first = workspace("first");
    await first.append(3);
    await first.log.checkpoint();
    copy("first", "copy");
    const second = workspace("copy");
    await Promise.all([first.append(4, "workspace", "one"), second.append(4, "workspace", "two")]);
    const results = await Promise.allSettled([first.log.checkpoint(), second.log.checkpoint()]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(results.find(({ status }) => status === "rejected")).toMatchObject({
      reason: refusal("LOG_RESTORED"),
    });
  });

  it("refuses a folder whose checkpoint is of another log, or was changed", async () => {
    const first = workspace("first");
    await first.append(3);
    await first.log.checkpoint();
    const other = workspace("other", { origin: "example.test/other" });
    await other.append(1);
    await expect(other.log.checkpoint()).rejects.toEqual(refusal("LOG_OF_ANOTHER"));
    const path = join(publish(), "checkpoint");
    writeFileSync(path, readFileSync(path, "utf8").replace("\n3\n", "\n2\n"));
    await expect(first.log.checkpoint()).rejects.toEqual(refusal("LOG_OF_ANOTHER"));
  });

  it("gives back what another process needs, and reports a folder that cannot be written", async () => {
    const first = workspace("first");
    await first.append(1);
    writeFileSync(publish(), "a file");
    await expect(first.log.checkpoint()).rejects.toEqual(refusal("LOG_FOLDER"));
    rmSync(publish());
    expect((await first.log.checkpoint())?.size).toBe(1);
    const second = workspace("first");
    await second.append(1);
    expect((await second.log.checkpoint())?.size).toBe(2);
  });

  it("makes a checkpoint at least every second while receipts come", async () => {
    const { log, append, published, store } = workspace("first");
    log.start();
    const sizes = new Map<number, number>();
    const began = performance.now();
    while (performance.now() - began < 3500) {
      await append(5);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const text = new TextDecoder().decode(await published.read("checkpoint"));
      const size = Number(text.split("\n")[1]);
      if (size > 0 && !sizes.has(size)) sizes.set(size, performance.now() - began);
    }
    expect(await log.stop()).toBeUndefined();
    const times = [...sizes.values()];
    expect(Math.max(...times.map((time, i) => time - (times[i - 1] ?? 0)))).toBeLessThan(1500);
    expect([store.log.pending(), store.log.size() - 1]).toEqual([0, store.head("workspace")?.seq]);
  });

  it("is the same files in both places", async () => {
    const { log, append } = workspace("first");
    await append(300);
    await log.checkpoint();
    await append(300);
    await log.checkpoint();
    const files = (path: string) =>
      readdirSync(path, { recursive: true, encoding: "utf8" })
        .filter((name) => /[0-9t]$/.test(name))
        .sort();
    expect(files(publish())).toEqual(files(join(root, "first", "log")));
    // The partial tile that became full is served by the full one.
    expect(files(publish())).not.toContain("tile/0/001.p/44");
    expect(files(publish())).toContain("tile/0/001");
  });
});
