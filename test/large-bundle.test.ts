import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { forge } from "./fixtures/forge-bundle.ts";
import { sampleBundle } from "./fixtures/sample-bundle.ts";

const SIZE = 1024 ** 3;
const HEAP_MIB = 48;
const run = promisify(execFile);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-large-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a verification says and how much memory it took at most, in a process with a small heap. */
async function verifyApart(bundle: string, trust: string): Promise<{ verdict: string; peakMiB: number }> {
  const module = (path: string): string => JSON.stringify(join(import.meta.dirname, "../src", path));
  const program = `
    import { readFileSync } from "node:fs";
    import { folderBundle } from ${module("cli/bundle-folder.ts")};
    import { parseTrust, verifyBundle } from ${module("verifier/index.ts")};
    import { peakMiB } from ${module("../bench/peak-memory.ts")};
    const trust = parseTrust(readFileSync(${JSON.stringify(trust)}, "utf8"));
    const { verdict, reasons } = await verifyBundle(folderBundle(${JSON.stringify(bundle)}), trust);
    console.log(JSON.stringify({ verdict, reasons, peakMiB: peakMiB() }));
  `;
  const flags = [`--max-old-space-size=${HEAP_MIB}`, "--disable-warning=ExperimentalWarning"];
  const { stdout } = await run(process.execPath, [...flags, "--input-type=module", "--eval", program]);
  return JSON.parse(stdout);
}

describe("a bundle that is larger than memory", () => {
  it("is hashed as it is read: an artifact of 1 GiB, in a heap of 48 MiB", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const hash = createHash("sha256");
    const zeros = Buffer.alloc(1 << 20);
    for (let at = 0; at < SIZE; at += zeros.length) hash.update(zeros);
    const hex = hash.digest("hex");
    const large = `artifacts/sha256/${hex}`;
    const files = await forge(sample, {
      manifest(manifest) {
        const listed = [...manifest.files, { path: large, size: SIZE, digest: `sha256:${hex}` }];
        Object.assign(manifest, { files: listed.sort((a, b) => (a.path < b.path ? -1 : 1)) });
      },
    });
    const bundle = join(folder, "bundle");
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(bundle, path)), { recursive: true });
      writeFileSync(join(bundle, path), bytes);
    }
    const trust = join(folder, "trust.json");
    writeFileSync(trust, JSON.stringify(sample.trust));
    // A hole, so that the disk need not hold it.
    writeFileSync(join(bundle, large), "");
    truncateSync(join(bundle, large), SIZE);
    const whole = await verifyApart(bundle, trust);
    expect(whole).toMatchObject({ verdict: "valid", reasons: [] });
    expect(whole.peakMiB).toBeLessThan(300);
  }, 60_000);
});
