// A second implementation of verification, in Python and written from `spec/` alone, judges the vectors and a bundle that
// the governed path makes as this one does. What it does not decide it says.
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needPython } from "../../scripts/need-python.ts";
import { advance } from "../../src/run/advance.ts";
import { memoryBundle, type Report, type Trust, verifyBundle } from "../../src/verifier/index.ts";
import { codes } from "../fixtures/check-bundle.ts";
import { exampleContract } from "../fixtures/contracts.ts";
import { withBadSignature } from "../fixtures/forge-bundle.ts";
import { busy, exported, fine, open, scripted, start } from "../fixtures/real-run.ts";

const root = join(import.meta.dirname, "..", "..");
const program = join(import.meta.dirname, "python", "verify.py");
const python = needPython();
const missing = "missing" in python ? python.missing : undefined;
if (missing !== undefined) console.log(missing);

interface Judgement {
  readonly verdict: string;
  readonly codes: readonly string[];
  readonly notDecided: readonly string[];
  readonly steps: readonly { id: string; invocation: string; proofClass?: string; missing: string[] }[];
  readonly error?: string;
}

describe.skipIf(missing !== undefined)("the second implementation", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-python-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe("on the vectors", () => {
    interface Vector {
      readonly bundle: string;
      readonly trust: string | null;
      /** An age identity that the verifier is given. */
      readonly identity?: string;
      readonly expect: { verdict: string; codes?: string[]; missing?: string[] };
    }
    const bundles = named("{{bundle,sealed}/*/*,proof-class/*}/vector.json").map((path) => ({
      name: dirname(path),
      vector: json<Vector>(path),
    }));
    const trusts = named("trust/{accept,reject}/*.json");
    let judged: Judgement[];

    beforeAll(() => {
      const asked = bundles.map(({ name, vector }) => ({
        bundle: join(root, "vectors", name, vector.bundle),
        trust: vector.trust && join(root, "vectors", name, vector.trust),
        ...(vector.identity === undefined ? {} : { identity: vector.identity }),
      }));
      for (const [index, path] of trusts.entries()) {
        const trust = join(folder, `trust-${index}.json`);
        const { trust: inner = undefined, ...rest } = json<{ trust?: object }>(path);
        writeFileSync(trust, JSON.stringify(inner ?? rest));
        asked.push({ bundle: join(root, "vectors/bundle/accept/small/bundle.tar"), trust });
      }
      judged = judge(asked);
    }, 120_000);

    it.each(bundles.map(({ name, vector }, index) => ({ name, vector, index })))(
      "$name",
      ({ vector, index }) => {
        const { verdict, codes: found, steps } = judged[index] as Judgement;
        expect([verdict, found]).toEqual([vector.expect.verdict, vector.expect.codes ?? found]);
        if (vector.expect.missing === undefined) return;
        expect(steps.filter(({ id }) => id === "hello").map(({ missing }) => missing)).toEqual([
          vector.expect.missing,
        ]);
      },
    );
    it("that are no bundles: canonical JSON, DSSE, SSHSIG, scope, contracts, actions, and what there is of log and witnesses", () => {
      const { stdout, stderr } = spawnSync(
        programOf(python),
        ["-B", join(dirname(program), "check_vectors.py"), join(root, "vectors")],
        {
          encoding: "utf8",
        },
      );
      expect(stderr).toBe("");
      const { judged: count, wrong } = JSON.parse(stdout);
      expect(wrong).toEqual([]);
      expect(count).toBeGreaterThan(70);
    });
    it.each(trusts.map((path, index) => ({ path, index })))("$path", ({ path, index }) => {
      const { error } = json<{ error?: string }>(path);
      expect(judged[bundles.length + index]?.error).toBe(error);
    });
  });

  it("judges what the governed path makes as this one does, and says what it does not decide", async () => {
    const contract = exampleContract(
      {},
      { adapter: "scripted", retry: { attempts: 3, backoff: "none", on: ["BUSY"] } },
    );
    const test = await open([contract], [scripted(busy, fine)]);
    const run = await start(test);
    await advance(test.lane, run);
    const files = await exported(test.lane, [run]);
    const torn = new Map(files);
    const receipts = Buffer.from(files.get("receipts/receipts.ndjson") ?? []).toString();
    torn.set("receipts/receipts.ndjson", Buffer.from(receipts.replace(/.*(?=\n$)/, withBadSignature)));
    for (const [name, given] of [
      ["whole", files],
      ["torn", torn],
    ] as const) {
      const [mine] = judge([unpack(name, given, test.trust)]);
      const theirs = await verifyBundle(memoryBundle(given), test.trust);
      expect(summary(mine as Judgement)).toEqual(summaryOf(theirs));
      expect(mine?.notDecided.join()).toContain("Cedar");
    }
  }, 120_000);

  it("finds the demo's bundle valid", () => {
    const made = spawnSync(process.execPath, [join(root, "src/cli/main.ts"), "demo", "--json"], {
      encoding: "utf8",
      env: { ...process.env, TMPDIR: folder },
      maxBuffer: 1 << 26,
    });
    const demo = JSON.parse(made.stdout);
    const [mine, untrusted] = judge([demo, { ...demo, trust: null }]);
    expect([mine?.verdict, mine?.codes]).toEqual(["valid", []]);
    expect([untrusted?.verdict, untrusted?.codes]).toEqual(["indeterminate", []]);
    expect(mine?.steps.length).toBeGreaterThan(4);
  }, 120_000);

  function unpack(name: string, files: ReadonlyMap<string, Uint8Array>, trust: Trust) {
    const bundle = join(folder, name);
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(bundle, path)), { recursive: true });
      writeFileSync(join(bundle, path), bytes);
    }
    writeFileSync(`${bundle}.json`, JSON.stringify(trust));
    return { bundle, trust: `${bundle}.json` };
  }
});

/** All in one process: to start Python costs more than to judge. */
function judge(asked: readonly { bundle: string; trust: string | null; identity?: string }[]): Judgement[] {
  const { stdout, stderr, status } = spawnSync(programOf(python), ["-B", program, "--batch"], {
    input: asked.map((one) => `${JSON.stringify(one)}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function summary({ verdict, codes: found, steps }: Judgement) {
  return {
    verdict,
    codes: [...found].sort(),
    steps: steps.map(({ invocation, proofClass, missing }) => [invocation, proofClass, missing]),
  };
}

function summaryOf(report: Report) {
  const { verdict, steps } = report;
  return summary({ verdict, codes: codes(report), steps: steps as never, notDecided: [] });
}

function named(pattern: string): string[] {
  return globSync(pattern, { cwd: join(root, "vectors") })
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}

function json<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, "vectors", path), "utf8")) as T;
}

function programOf(found: ReturnType<typeof needPython>): string {
  return "program" in found ? found.program : "";
}
