// The two verifiers, one in TypeScript and one in Python that was written from `spec/` alone, judge bundles alike that
// nobody thought of: vectors with one or two changes, which a seed decides. WITNESSOPS_DIFFERENTIAL="<seed> <cases>"
// looks further than a run of the tests does.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { nextIssuer, p256FromName } from "../fixtures/key-history.ts";
import { type Base, type Mutant, mutate } from "../fixtures/mutate-bundle.ts";
import { randomOf } from "../fixtures/random.ts";
import { sampleKeys } from "../fixtures/sample-bundle.ts";

const vectors = join(import.meta.dirname, "..", "..", "vectors", "bundle", "accept");
const program = join(import.meta.dirname, "python", "verify.py");
const python = needPython();
const missing = "missing" in python ? python.missing : undefined;
if (missing !== undefined) console.log(missing);

const [seed = 1, cases] = (process.env.WITNESSOPS_DIFFERENTIAL ?? "").split(" ").filter(Boolean).map(Number);
/** Milliseconds in which as many mutants are made and judged as can be; the second verifier takes about as long. */
const BUDGET = 4_000;
/** No more than that: which seed finds what does not depend on how fast a machine is. */
const CASES = 200;
/** Named, so that a vector more does not change what a seed finds. */
const bundles = `
  approved artifact-not-listed conclusion-superseded conclusion-withdrawn extra-file log
  log-comparable log-lower-bound log-lower-bound-unnamed log-pinned log-previous log-tiles
  log-unlisted log-witnessed p256 partial pinned-head revoked-itself
  revoked-other rotated small time-claim time-cross-certified time-injected
  time-intermediate time-late time-no-certificate time-sha512 time-stamped time-threshold
  whole witness-quorum-none wrong-key-id
`
  .trim()
  .split(/\s+/);
/** Bundles whose receipts another key signs than the sample's. */
const issuers: Readonly<Record<string, Base["issuer"]>> = {
  rotated: nextIssuer,
  p256: p256FromName("issuer"),
};

/**
 * What is compared: verdict and codes, or that the input is unusable. Which of the three codes of form a document has
 * that lacks more than one thing depends on how a schema is gone through: they are one here, and kept apart in the vectors.
 */
type Judged = readonly [verdict: string, ...codes: string[]];
const form = [
  "FAILURE_BUNDLE_MALFORMED",
  "FAILURE_REQUIRED_FIELD_MISSING",
  "FAILURE_SCHEMA_VERSION_UNSUPPORTED",
];

function judged(verdict: string, codesFound: readonly string[]): Judged {
  const kinds = new Set(codesFound.map((code) => (form.includes(code) ? "of form" : code)));
  return [verdict, ...[...kinds].sort()];
}

describe.skipIf(missing !== undefined)("two verifiers, on bundles that chance changed", () => {
  let folder: string;
  const bases: Base[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-differential-"));
    for (const name of bundles) {
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
    const mutants: { readonly mutant: Mutant; readonly found: readonly Judged[] }[] = [];
    const asked: string[] = [];
    const end = performance.now() + BUDGET;
    while (mutants.length < (cases ?? CASES) && (cases !== undefined || performance.now() < end)) {
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
      found.some((one) => JSON.stringify(one) === JSON.stringify(theirs[i]))
        ? []
        : [{ number: i, about: mutant.about, typescript: found, python: theirs[i] }],
    );
    expect(different).toEqual([]);
    const verdicts = new Set(mutants.map(({ found: [first] }) => first?.[0]));
    expect([...verdicts]).toEqual(expect.arrayContaining(["valid", "invalid"]));
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
        return error === undefined ? judged(verdict, found) : [error];
      });
  }
});

/** What may be found: what a policy decides the second verifier may leave open, and then says so. */
async function judge({ files, trust }: Mutant): Promise<readonly Judged[]> {
  try {
    const read = trust === undefined ? undefined : parseTrust(JSON.stringify(trust));
    const report = await verifyBundle(memoryBundle(files), read);
    const failures = report.layers.flatMap((layer) => layer.failures);
    const all = judged(
      report.verdict,
      failures.map(({ code }) => code),
    );
    const others = failures.filter(({ message }) => !message.includes("gate `policy` decides"));
    if (others.length === failures.length) return [all];
    if (others.length === 0) return [all, ["valid"], ["indeterminate"]];
    return [
      all,
      judged(
        "invalid",
        others.map(({ code }) => code),
      ),
    ];
  } catch (error) {
    if (error instanceof VerifierError) return [[error.code]];
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
