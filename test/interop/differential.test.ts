// The two verifiers, one in TypeScript and one in Python that was written from `spec/` alone, judge bundles alike that
// nobody thought of: vectors with one or two changes, which a seed decides. WITNESSOPS_DIFFERENTIAL="<seed> <cases>"
// looks further than a run of the tests does.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needPython } from "../../scripts/need-python.ts";
import { collectBytes } from "../../src/format/byte-source.ts";
import { writeTar } from "../../src/format/tar.ts";
import {
  memoryBundle,
  parseTrust,
  type Trust,
  tarBundle,
  VerifierError,
  verifyBundle,
} from "../../src/verifier/index.ts";
import { codes } from "../fixtures/check-bundle.ts";
import { nextIssuer, p256FromName } from "../fixtures/key-history.ts";
import { type Base, type Mutant, mutate } from "../fixtures/mutate-bundle.ts";
import { randomOf } from "../fixtures/random.ts";
import { sampleKeys } from "../fixtures/sample-bundle.ts";

const vectors = join(import.meta.dirname, "..", "..", "vectors", "bundle", "accept");
const program = join(import.meta.dirname, "python", "verify.py");
const python = needPython();
const missing = "missing" in python ? python.missing : undefined;
if (missing !== undefined) console.log(missing);

const [seed = 5, cases] = (process.env.WITNESSOPS_DIFFERENTIAL ?? "").split(" ").filter(Boolean).map(Number);
/** Milliseconds in which as many mutants are made and judged as can be; the second verifier takes about as long. */
const BUDGET = 4_000;
/** Bundles whose receipts another key signs than the sample's. */
const issuers: Readonly<Record<string, Base["issuer"]>> = {
  rotated: nextIssuer,
  p256: p256FromName("issuer"),
};

/** What is compared: verdict and codes, or that the input is unusable. */
type Judged = readonly [verdict: string, ...codes: string[]];

describe.skipIf(missing !== undefined)("two verifiers, on bundles that chance changed", () => {
  let folder: string;
  const bases: Base[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-differential-"));
    for (const name of globSync("*", { cwd: vectors }).sort()) {
      const source = tarBundle(readFileSync(join(vectors, name, "bundle.tar")));
      const files = new Map<string, Uint8Array>();
      for (const { path } of await source.list())
        files.set(path, await collectBytes(source.read(path), 1 << 24));
      const trust = JSON.parse(readFileSync(join(vectors, name, "trust.json"), "utf8")) as Trust;
      bases.push({ name, files, trust, issuer: issuers[name] ?? sampleKeys.issuer });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("they find the same", async () => {
    const random = randomOf(seed);
    const mutants: { readonly mutant: Mutant; readonly found: Judged }[] = [];
    const asked: string[] = [];
    const end = performance.now() + BUDGET;
    while (cases === undefined ? performance.now() < end : mutants.length < cases) {
      const mutant = await mutate(random, random.pick(bases));
      const at = join(folder, String(mutants.length));
      writeFileSync(`${at}.tar`, await tarOf(mutant.files));
      const trust = mutant.trust === undefined ? null : `${at}.json`;
      if (trust !== null) writeFileSync(trust, JSON.stringify(mutant.trust));
      asked.push(JSON.stringify({ bundle: `${at}.tar`, trust }));
      mutants.push({ mutant, found: await judge(mutant) });
    }
    const theirs = judgeAll(asked);
    const different = mutants.flatMap(({ mutant, found }, i) =>
      JSON.stringify(found) === JSON.stringify(theirs[i])
        ? []
        : [{ number: i, about: mutant.about, typescript: found, python: theirs[i] }],
    );
    expect(different).toEqual([]);
    expect(mutants.length).toBeGreaterThan(5);
    expect(new Set(mutants.map(({ found: [verdict] }) => verdict)).size).toBeGreaterThan(1);
  }, 600_000);

  function judgeAll(asked: readonly string[]): Judged[] {
    const { stdout, stderr, status } = spawnSync(
      "program" in python ? python.program : "",
      ["-B", program, "--batch"],
      { input: asked.map((line) => `${line}\n`).join(""), encoding: "utf8", maxBuffer: 1 << 30 },
    );
    expect([status, stderr]).toEqual([0, ""]);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => {
        const { verdict, codes: found, error } = JSON.parse(line);
        return error === undefined ? [verdict, ...[...found].sort()] : [error];
      });
  }
});

async function judge({ files, trust }: Mutant): Promise<Judged> {
  try {
    const read = trust === undefined ? undefined : parseTrust(JSON.stringify(trust));
    const report = await verifyBundle(memoryBundle(files), read);
    return [report.verdict, ...codes(report).sort()];
  } catch (error) {
    if (error instanceof VerifierError) return [error.code];
    throw error;
  }
}

function tarOf(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const entries = [...files].map(([path, bytes]) => ({
    path,
    size: bytes.length,
    read: () =>
      (async function* () {
        yield bytes;
      })(),
  }));
  return collectBytes(writeTar(entries), 1 << 26);
}
