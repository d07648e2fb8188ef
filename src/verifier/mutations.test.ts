import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { bytesOf, textOf } from "../../test/fixtures/check-bundle.ts";
import { forge, manifestOf } from "../../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle } from "../../test/fixtures/sample-bundle.ts";
import { MANIFEST_PATH, RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { collectBytes } from "../format/byte-source.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { writeTar } from "../format/tar.ts";
import { memoryBundle, renderReport, tarBundle, verifyBundle } from "./index.ts";

type Files = Map<string, Uint8Array>;

let sample: SampleBundle;
let tar: Uint8Array;
beforeAll(async () => {
  const host = { host: "inputs.host" };
  sample = await sampleBundle({ steps: [{ id: "hello", uses: "example.noop@1.0.0", with: host }] });
  const files = [...sample.files].map(([path, content]) => ({
    path,
    size: content.length,
    read: () =>
      (async function* () {
        yield content;
      })(),
  }));
  tar = await collectBytes(writeTar(files), 1 << 24);
});

/** One change of the files; false when it changed nothing. */
type Mutation = (files: Files) => boolean;

const position = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const pick = <T>(list: readonly T[], at: number): T => list[Math.floor(at * list.length)] as T;

const flipByte = fc.tuple(position, position, fc.integer({ min: 1, max: 255 })).map(
  ([file, at, xor]): Mutation =>
    (files) => {
      const path = pick([...files.keys()], file);
      const bytes = Uint8Array.from(files.get(path) ?? []);
      const index = Math.floor(at * bytes.length);
      bytes[index] = (bytes[index] ?? 0) ^ xor;
      files.set(path, bytes);
      return true;
    },
);

const dropFile = position.map(
  (at): Mutation =>
    (files) =>
      files.delete(pick([...files.keys()], at)),
);

const swapFiles = fc.tuple(position, position).map(
  ([a, b]): Mutation =>
    (files) => {
      const [one, other] = [pick([...files.keys()], a), pick([...files.keys()], b)];
      const [first, second] = [files.get(one), files.get(other)];
      if (one === other || first === undefined || second === undefined) return false;
      files.set(one, second).set(other, first);
      return true;
    },
);

const cutFile = fc.tuple(position, position).map(
  ([file, at]): Mutation =>
    (files) => {
      const path = pick([...files.keys()], file);
      const bytes = files.get(path) ?? new Uint8Array();
      files.set(path, bytes.slice(0, Math.floor(at * bytes.length)));
      return true;
    },
);

const changeLines = fc.tuple(fc.constantFrom("drop", "repeat", "swap"), position, position).map(
  ([how, a, b]): Mutation =>
    (files) => {
      const lines = textOf(files.get(RECEIPTS_PATH)).trimEnd().split("\n");
      const [i, j] = [Math.floor(a * lines.length), Math.floor(b * lines.length)];
      if (how === "drop") lines.splice(i, 1);
      else if (how === "repeat") lines.splice(j, 0, lines[i] ?? "");
      else {
        if (i === j) return false;
        [lines[i], lines[j]] = [lines[j] ?? "", lines[i] ?? ""];
      }
      files.set(RECEIPTS_PATH, bytesOf(`${lines.join("\n")}\n`));
      return true;
    },
);

const mutation = fc.oneof(flipByte, dropFile, swapFiles, cutFile, changeLines);

describe("a changed bundle", () => {
  it("is never valid, and never crashes the verifier", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const files = new Map(sample.files);
        for (const mutate of mutations) mutate(files);
        fc.pre([...sample.files].some(([path, bytes]) => !isSame(bytes, files.get(path))));
        const report = await verifyBundle(memoryBundle(files), sample.trust);
        expect(report.verdict).not.toBe("valid");
        expect(report.layers).toHaveLength(11);
        expect(renderReport(report)).toContain(`verdict: ${report.verdict}`);
      }),
      { numRuns: 150 },
    );
  });

  it("is never valid when the manifest was made to fit and the claim was not", async () => {
    await fc.assert(
      fc.asyncProperty(mutation, async (mutate) => {
        const files = new Map(sample.files);
        mutate(files);
        files.set(MANIFEST_PATH, canonicalBytes(manifestOf(files)));
        // A manifest that alone was changed is now as it was.
        fc.pre([...sample.files].some(([path, bytes]) => !isSame(bytes, files.get(path))));
        const report = await verifyBundle(memoryBundle(files), sample.trust);
        expect(report.verdict).not.toBe("valid");
      }),
      { numRuns: 80 },
    );
  });

  it("is never valid when a forger with the issuer key changes a recorded fact", async () => {
    const facts = ["outputs", "action digest", "artifact", "gates", "contract", "authorization"] as const;
    for (const fact of facts) {
      const files = await forge(sample, {
        receipt: ({ predicate, subject }) => {
          if (predicate.event !== "step-executed" || predicate.invocation === undefined) return undefined;
          const other = `sha256:${"1".repeat(64)}`;
          if (fact === "outputs") predicate.invocation.outputs = { said: "nothing" };
          if (fact === "action digest") predicate.invocation.actionDigest = other;
          if (fact === "artifact") Object.assign(subject[1]?.digest ?? {}, { sha256: "1".repeat(64) });
          if (fact === "gates") predicate.gates = predicate.gates?.slice(0, 3) ?? [];
          if (fact === "contract") Object.assign(predicate.contract ?? {}, { digest: other });
          if (fact === "authorization") predicate.authorization = other;
          return undefined;
        },
      });
      expect([fact, (await verifyBundle(memoryBundle(files), sample.trust)).verdict]).toEqual([
        fact,
        "invalid",
      ]);
    }
  });
});

describe("a changed tar", () => {
  it("is never valid, whatever was cut or flipped", async () => {
    await fc.assert(
      fc.asyncProperty(position, fc.option(fc.integer({ min: 1, max: 255 })), async (at, xor) => {
        const index = Math.floor(at * tar.length);
        const changed = xor === null ? tar.slice(0, index) : tar.slice();
        if (xor !== null) changed[index] = (changed[index] ?? 0) ^ xor;
        const report = await verifyBundle(tarBundle(changed), sample.trust);
        expect(report.verdict).not.toBe("valid");
      }),
      { numRuns: 150 },
    );
  });

  it("of random bytes is invalid", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        const report = await verifyBundle(tarBundle(bytes), sample.trust);
        expect(report.verdict).toBe("invalid");
      }),
      { numRuns: 50 },
    );
  });
});

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, index) => byte === b[index]);
}
