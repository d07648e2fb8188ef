import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../format/digest.ts";
import { appending, exampleReceipt } from "../run/example-receipt.ts";
import type { Head, Store } from "../run/store.ts";
import { testStore } from "../run/store-conformance.ts";
import { openSqliteStore } from "./sqlite-store.ts";

testStore("sqlite", () => {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-store-"));
  return {
    open: () => openSqliteStore(join(folder, "ledger.db")),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
});

const fixture = (name: string): string =>
  join(import.meta.dirname, "..", "..", "test", "fixtures", "store", name);
const posix = process.platform !== "win32";

describe("the sqlite store", () => {
  let folder: string;
  let ledger: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-store-"));
    ledger = join(folder, "private", "ledger.db");
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });

  function using<T>(action: (store: Store) => T): T {
    const store = openSqliteStore(ledger);
    try {
      return action(store);
    } finally {
      store.close();
    }
  }

  it("leaves nothing of removed bytes in its file, however many were written around them", async () => {
    const store = openSqliteStore(ledger);
    const secrets = Array.from({ length: 600 }, (_, n) => randomBytes(20 + (n % 7) * 40).toString("hex"));
    const artifactOf = (n: number, digest: string) => ({
      id: `r/a/1/x${n}`,
      name: `x${n}`,
      digest,
      size: secrets[n]?.length ?? 0,
      mediaType: "text/plain",
      source: "test",
      capturedAt: "2026-11-27T12:00:00Z",
      exact: true,
      masked: 0,
    });
    for (const [n, secret] of secrets.entries()) {
      const bytes = Buffer.from(secret);
      const digest = digestOf(bytes);
      const artifacts = [{ run: "r", invocation: "r/a", attempt: 1, artifact: artifactOf(n, digest) }];
      await store.commit({ blobs: [{ digest, bytes }], artifacts });
    }
    const gone = secrets.filter((_, n) => n < 60 || n % 3 === 0);
    for (const secret of gone) {
      const digest = digestOf(Buffer.from(secret));
      const artifact = `r/a/1/x${secrets.indexOf(secret)}`;
      await store.commit({ retire: { artifact, digest } });
      expect(await store.removeBytes(digest, 0, () => undefined)).toBe("settled");
      expect(store.blob(digest)).toBeUndefined();
    }
    expect(store.checkIntegrity()).toEqual([]);
    const left = (): string[] => {
      const files = [ledger, `${ledger}-wal`].map((path) => readFileSync(path, "latin1")).join();
      return gone.filter(
        (secret) => files.includes(secret.slice(-12)) || files.includes(secret.slice(0, 12)),
      );
    };
    expect(left()).toEqual([]);
    // What is written again may be removed again.
    const [first = ""] = gone;
    const bytes = Buffer.from(first);
    const digest = digestOf(bytes);
    const again = { ...artifactOf(0, digest), id: "r/b/1/x" };
    await store.commit({
      blobs: [{ digest, bytes }],
      artifacts: [{ run: "r", invocation: "r/b", attempt: 1, artifact: again }],
    });
    expect(store.blob(digest)).toEqual(new Uint8Array(bytes));
    await store.commit({ retire: { artifact: "r/b/1/x", digest } });
    expect(await store.removeBytes(digest, 0, () => undefined)).toBe("settled");
    expect(left()).toEqual([]);
    store.close();
  });

  function append(stream: string, count: number, concurrency = 1): ChildProcess {
    const args = [fixture("append.ts"), ledger, stream, String(count), String(concurrency)];
    return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  }

  it.runIf(posix)("makes a file that only its owner reads", () => {
    using((store) => {
      void store.statuses();
      expect(statSync(ledger).mode & 0o777).toBe(0o600);
      expect(statSync(`${ledger}-wal`).mode & 0o777).toBe(0o600);
      expect(statSync(join(folder, "private")).mode & 0o777).toBe(0o700);
    });
  });

  describe("with several processes", () => {
    it("takes both writers' receipts into one stream", async () => {
      const writers = [append("workspace", 40), append("workspace", 40)];
      const codes = await Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0]));
      expect(codes).toEqual([0, 0]);
      using((store) => {
        expect(store.receipts("workspace").map(({ seq }) => seq)).toEqual([...Array(80).keys()]);
        expect(store.checkIntegrity()).toEqual([]);
      });
    });

    it("keeps all that was acknowledged when a writer is killed", async () => {
      for (const round of [1, 2, 3]) {
        const writer = append(`engagement:r${round}`, 1_000_000, 16);
        let printed = "";
        writer.stdout?.setEncoding("utf8").on("data", (text: string) => {
          printed += text;
          if (printed.length > 4000 * round) writer.kill("SIGKILL");
        });
        const [, signal] = await once(writer, "close");
        expect(signal).toBe("SIGKILL");
        const acknowledged = printed.split("\n").slice(0, -1);
        expect(acknowledged.length).toBeGreaterThan(100);
        using((store) => {
          for (const line of acknowledged) {
            const [stream = "", seq] = line.split(" ");
            expect(store.receipts(stream, Number(seq))[0]?.seq).toBe(Number(seq));
          }
          expect(store.checkIntegrity()).toEqual([]);
        });
      }
    });

    it("waits for another without blocking, then gives up with a hint", async () => {
      using(() => undefined);
      const other = new DatabaseSync(ledger);
      const store = openSqliteStore(ledger, { maxWaitMs: 150 });
      try {
        other.exec("BEGIN IMMEDIATE");
        let ticks = 0;
        const ticking = setInterval(() => ticks++, 5);
        const refused = await store
          .commit({ status: [{ subject: "a", status: "b" }] })
          .catch((error) => error);
        clearInterval(ticking);
        expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE", hint: expect.stringContaining("again") });
        expect(ticks).toBeGreaterThan(5);
        expect(store.status("a")).toBeUndefined();

        const waiting = store.commit({ status: [{ subject: "a", status: "c" }] });
        setTimeout(() => other.exec("ROLLBACK"), 30);
        expect(await waiting).toEqual({ ok: true });
        expect(store.status("a")).toBe("c");
      } finally {
        store.close();
        other.close();
      }
    });

    it("takes over the lease of a process that was killed", async () => {
      const holder = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
      await once(holder, "spawn");
      const store = openSqliteStore(ledger);
      try {
        const pid = holder.pid ?? 0;
        expect(await store.acquireLease("key", { pid, token: "theirs" })).toBe(true);
        expect(await store.acquireLease("key", { pid: process.pid, token: "ours" })).toBe(false);
        holder.kill("SIGKILL");
        await once(holder, "exit");
        expect(await store.acquireLease("key", { pid: process.pid, token: "ours" })).toBe(true);
      } finally {
        store.close();
      }
    });
  });

  describe("on a bad file", () => {
    it("refuses what is no database", () => {
      mkdirSync(join(folder, "private"));
      writeFileSync(ledger, "this is not a database, however long it may be. ".repeat(100));
      expect(() => openSqliteStore(ledger)).toThrow(expect.objectContaining({ code: "STORE_CORRUPT" }));
      expect(readFileSync(ledger, "utf8")).toMatch(/^this is not/);
    });

    it("refuses another application's database", () => {
      mkdirSync(join(folder, "private"));
      const other = new DatabaseSync(ledger);
      other.exec("CREATE TABLE theirs (x)");
      other.close();
      expect(() => openSqliteStore(ledger)).toThrow(/another application/);
    });

    it("refuses a newer version's ledger", () => {
      using(() => undefined);
      const newer = new DatabaseSync(ledger);
      newer.exec("PRAGMA user_version = 1000");
      newer.close();
      expect(() => openSqliteStore(ledger)).toThrow(
        expect.objectContaining({ code: "STORE_SCHEMA_UNSUPPORTED" }),
      );
    });

    it.each([
      ["receipt 1 of `workspace`: its bytes", "UPDATE receipts SET payload = zeroblob(10) WHERE seq = 1"],
      ["receipt 2 of `workspace`: one before it", "DELETE FROM receipts WHERE seq = 1"],
      ["stream `workspace`: its head", "DELETE FROM receipts WHERE seq = 2"],
      ["stream `workspace`: its head", "UPDATE streams SET seq = 1"],
      ["refers to nothing", "PRAGMA foreign_keys = OFF; DELETE FROM streams"],
      ["blobs `sha256:", "UPDATE blobs SET bytes = x'00'"],
      [
        "receipt 0 of `workspace`: it was signed for another place",
        "UPDATE receipts SET event = 'x' WHERE seq = 0",
      ],
    ])("finds what was changed: %s", async (line, sql) => {
      await fill();
      const tamper = new DatabaseSync(ledger);
      tamper.exec(sql);
      tamper.close();
      expect(using((store) => store.checkIntegrity()).join("\n")).toContain(line);
    });

    it("finds damaged pages, whichever they are", async () => {
      await fill();
      const whole = readFileSync(ledger);
      for (let page = 1; page * 4096 < whole.length; page++) {
        const damaged = Buffer.from(whole);
        damaged.fill(0xff, page * 4096, page * 4096 + 512);
        writeFileSync(ledger, damaged);
        let lines: string[];
        try {
          lines = using((store) => store.checkIntegrity());
        } catch (error) {
          expect(error).toMatchObject({ code: "STORE_CORRUPT" });
          continue;
        }
        expect(lines).not.toEqual([]);
      }
    });

    it("says so when a read meets damage", async () => {
      await fill();
      const file = openSync(ledger, "r+");
      const size = statSync(ledger).size;
      for (let at = 4096; at < size; at += 4096) writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, at);
      expect(() => using((store) => store.receipts("workspace"))).toThrow(
        expect.objectContaining({ code: "STORE_CORRUPT" }),
      );
    });

    async function fill(): Promise<void> {
      const store = openSqliteStore(ledger);
      let head: Head | undefined;
      for (let i = 0; i < 3; i++) {
        const receipt = exampleReceipt("workspace", head);
        await store.commit(appending(receipt, head));
        head = receipt;
      }
      const bytes = new Uint8Array(10_000).fill(7);
      await store.commit({ blobs: [{ digest: digestOf(bytes), bytes }] });
      store.close();
    }
  });

  it.runIf(posix)("refuses a folder that cannot be written", () => {
    chmodSync(folder, 0o755);
    const [empty, used] = [join(folder, "empty"), join(folder, "used")];
    mkdirSync(empty);
    openSqliteStore(join(used, "ledger.db")).close();
    for (const path of [empty, used]) chmodSync(path, 0o555);
    const printed = execFileSync(process.execPath, [fixture("read-only.ts"), empty, used], {
      encoding: "utf8",
    });
    for (const path of [empty, used]) chmodSync(path, 0o755);
    expect(JSON.parse(printed)).toEqual(Array(4).fill("STORE_READ_ONLY"));
  });

  it.runIf(posix)("records nothing of a batch that the disk has no room for, and goes on", () => {
    // A limit on the size of files makes writes fail for real, also for root.
    const command = 'ulimit -f 8192; exec "$0" "$@"';
    const args = ["-c", command, process.execPath, fixture("fill.ts"), ledger, join(folder, "artifacts")];
    const printed = JSON.parse(execFileSync("sh", args, { encoding: "utf8" }));
    expect(printed).toEqual({
      commits: ["kept 1000", "STORE_FULL absent", "kept 1001"],
      together: ["STORE_FULL absent", "kept 1002"],
      captures: ["kept true", "STORE_FULL false 0", "kept true"],
      faults: [],
    });
  });
});
