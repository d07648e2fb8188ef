// kill -9 in the middle of capturing a secret, and of retiring evidence: what was to be hidden is nowhere, and what was
// to be removed is removed by whoever comes next.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { removeRetired } from "../../src/run/remove-retired.ts";
import type { Trust } from "../../src/verifier/index.ts";
import { codes, verify } from "../fixtures/check-bundle.ts";
import { exampleContract, noopAdapter } from "../fixtures/contracts.ts";
import { filesHolding } from "../fixtures/files-holding.ts";
import { openTestLane, type SharedDefinitions } from "../fixtures/lane.ts";
import { exported } from "../fixtures/real-run.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Killed {
  readonly run: string;
  readonly shared: SharedDefinitions;
  readonly trust: Trust;
}

async function killed(mode: "capture" | "retire" | "remove") {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-killed-"));
  folders.push(folder);
  const secret = `the key is ${randomBytes(24).toString("hex")}`;
  const script = join(import.meta.dirname, "seal-and-hang.ts");
  const child = spawn(process.execPath, [script, folder, mode, secret], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let said: Killed | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    said = JSON.parse(line) as Killed;
    break;
  }
  child.kill("SIGKILL");
  await ended;
  if (said === undefined) throw new Error("the process ended before it was killed");
  return { folder, secret, said };
}

describe("kill -9", () => {
  it("while a secret is captured leaves no plaintext: not in the database, its log, or a temporary file", async () => {
    const { folder, secret } = await killed("capture");
    expect(filesHolding(folder, secret)).toEqual([]);
    expect(filesHolding(folder, secret.slice(0, 30))).toEqual([]);
    // It was being written: what is there is ciphertext.
    expect(filesHolding(folder, "age-encryption.org/v1")).toHaveLength(1);
  });

  it.each(["retire", "remove"] as const)(
    "in the middle, at `%s`, ends in bytes that are gone",
    async (mode) => {
      const { folder, secret, said } = await killed(mode);
      const { run, shared, trust } = said;
      const again = await openTestLane({
        adapters: [noopAdapter],
        contracts: [exampleContract()],
        folder,
        shared,
      });
      try {
        // The bundle says so from the moment that the receipt is durable, whether or not bytes are still there.
        const before = await verify(await exported(again.lane, [run]), trust);
        expect(before.evidence.retired).toHaveLength(1);
        // (The test's second process certifies its key with a root of its own.)
        expect(codes(before)).toEqual(["FAILURE_DIGEST_MISMATCH"]);
        expect(again.lane.store.pendingRemovals()).toHaveLength(1);
        expect(await removeRetired(again.lane)).toBe(0);
        expect(again.lane.store.pendingRemovals()).toEqual([]);
        expect(filesHolding(folder, secret)).toEqual([]);
        expect(again.lane.store.checkIntegrity()).toEqual([]);
      } finally {
        again.close();
      }
    },
  );
});
