// Sealed evidence from the adapter to whoever holds an identity: nothing of it is on the disk in the clear, Debian's age
// opens it, and a verifier with the identity checks the commitment.
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import type { Adapter } from "../src/adapter/adapter.ts";
import { advance } from "../src/run/advance.ts";
import { IDENTITY, RECIPIENT } from "./fixtures/age-keys.ts";
import { exampleContract, noopAdapter } from "./fixtures/contracts.ts";
import { filesHolding } from "./fixtures/files-holding.ts";
import { exported, open, start } from "./fixtures/real-run.ts";

const PLAINTEXT = `the master key is ${randomBytes(24).toString("hex")}`;

/** Captures a secret of some size; its result repeats it. */
function secretAdapter(size: number): Adapter {
  return {
    ...noopAdapter,
    async run(call) {
      const writer = call.capture.open("answer", { source: "vault" });
      const bytes = Buffer.from(PLAINTEXT.repeat(Math.ceil(size / PLAINTEXT.length))).subarray(0, size);
      for (let at = 0; at < bytes.length; at += 50_000) await writer.write(bytes.subarray(at, at + 50_000));
      await writer.end();
      return { ok: true, result: { said: "done", key: PLAINTEXT } };
    },
  };
}
const secretContract = exampleContract({
  evidence: {
    artifacts: [{ name: "answer", mediaType: "text/plain", required: true, sensitivity: "secret" }],
    maxBytes: "10MB",
  },
});

async function captured(size: number) {
  const test = await open([secretContract], [secretAdapter(size)], { evidence: { recipients: [RECIPIENT] } });
  const run = await start(test);
  const state = await advance(test.lane, run);
  expect(state.closed).toBeDefined();
  return { test, run };
}

describe("sealed evidence", () => {
  it.each([200, 300_000])("of %i bytes is nowhere in the clear", async (size) => {
    const { test, run } = await captured(size);
    const artifacts = test.lane.store.artifacts(run).map(({ artifact }) => artifact);
    expect(artifacts.map(({ name, sensitivity }) => [name, sensitivity])).toEqual([
      ["answer", "secret"],
      ["result", "secret"],
    ]);
    for (const artifact of artifacts) expect(artifact.sealed?.recipients).toEqual([RECIPIENT]);
    expect(filesHolding(test.folder, PLAINTEXT)).toEqual([]);
    expect(filesHolding(test.folder, "age-encryption.org/v1").length).toBeGreaterThan(0);
  });

  it("is opened by Debian's age, salt first", async () => {
    const missing = needProgram("age", "age");
    if (missing !== undefined) return console.log(missing);
    const { test, run } = await captured(300_000);
    const files = await exported(test.lane, [run]);
    const folder = mkdtempSync(join(tmpdir(), "witnessops-age-"));
    try {
      writeFileSync(join(folder, "identity.txt"), `${IDENTITY}\n`);
      for (const { artifact } of test.lane.store.artifacts(run)) {
        const path = join(folder, "sealed.age");
        writeFileSync(path, files.get(`artifacts/sha256/${artifact.digest.slice(7)}`) ?? "");
        expect(readFileSync(path).length).toBe(artifact.size);
        const opened = spawnSync("age", ["--decrypt", "-i", join(folder, "identity.txt"), path], {
          maxBuffer: 1 << 24,
        });
        expect(opened.stderr.toString()).toBe("");
        const commitment = createHash("sha256").update(opened.stdout).digest("hex");
        expect(artifact.sealed?.commitment).toBe(`sha256:${commitment}`);
        expect(opened.stdout.subarray(32).includes(PLAINTEXT)).toBe(true);
        if (artifact.name === "answer") expect(opened.stdout.length).toBe(32 + 300_000);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("is refused where the engagement names nobody to seal it to", async () => {
    const test = await open([secretContract], [secretAdapter(10)]);
    const run = await start(test);
    await advance(test.lane, run);
    const denied = test.lane.store.receipts(`run:${run}`).find(({ event }) => event === "step-denied");
    expect(new TextDecoder().decode(denied?.payload)).toContain('"reason":"no-recipients"');
  });
});
