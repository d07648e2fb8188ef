// Facts that the project did not produce: public reference vectors, where the machine has them beside the repository.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromBase64, fromHex, toBase64, toHex } from "../../src/format/base64.ts";
import { canonicalBytes } from "../../src/format/canonical-json.ts";
import { parseCheckpoint } from "../../src/format/checkpoint.ts";
import { FormatError } from "../../src/format/coded-error.ts";
import { verifySignature } from "../../src/format/crypto.ts";
import { leafHash, type TreeHash, verifyConsistency, verifyInclusion } from "../../src/format/merkle.ts";
import { type PublicKey, publicKeyFromSpki } from "../../src/format/public-key.ts";
import { isSignedBy, parseNoteKey, parseSignedNote } from "../../src/format/signed-note.ts";
import { hashesOf, rootFromTiles, tilePath } from "../../src/format/tile.ts";
import { proveConsistency, proveInclusion, type ReadNodes } from "../../src/ledger/tree-proof.ts";

const vectors = join(import.meta.dirname, "..", "..", "..", "shared", "vectors");
const missing = !existsSync(vectors);
if (missing) console.log("skipped: there is no folder of reference vectors beside the repository");

interface WycheproofFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: "valid" | "invalid";
    }[];
  }[];
}

describe.skipIf(missing)("Wycheproof", () => {
  it.each([
    ["ed25519_test.json", "ed25519"],
    ["ecdsa_secp256r1_sha256_test.json", "ecdsa-p256-sha256"],
  ])("%s: every valid signature verifies, every invalid one is refused", async (name, algorithm) => {
    const file: WycheproofFile = JSON.parse(readFileSync(join(vectors, "wycheproof", name), "utf8"));
    const wrong: string[] = [];
    let judged = 0;
    for (const { publicKeyDer, tests } of file.testGroups) {
      const key = readKey(publicKeyDer);
      if (key !== undefined) expect(key.algorithm).toBe(algorithm);
      for (const { tcId, comment, msg, sig, result } of tests) {
        judged += 1;
        // A key that cannot be read verifies nothing; then no vector under it may be a valid one.
        const verified = key !== undefined && (await verifySignature(key, fromHex(msg), fromHex(sig)));
        if (verified !== (result === "valid")) wrong.push(`${tcId} ${comment}: should be ${result}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(judged).toBe(file.numberOfTests);
  });
});

describe.skipIf(missing)("JSON canonicalization (RFC 8785)", () => {
  const names = missing ? [] : readdirSync(join(vectors, "jcs", "input")).sort();

  it("has all six reference documents", () => {
    expect(names).toHaveLength(6);
  });

  it.each(names)("%s, byte for byte", (name) => {
    const input = JSON.parse(readFileSync(join(vectors, "jcs", "input", name), "utf8"));
    const canonical = canonicalBytes(input);
    expect(toHex(canonical)).toBe(toHex(new Uint8Array(readFileSync(join(vectors, "jcs", "output", name)))));
    const hex = readFileSync(join(vectors, "jcs", "outhex", name.replace(".json", ".txt")), "utf8");
    expect(toHex(canonical)).toBe(hex.replaceAll(/\s/g, ""));
  });
});

describe.skipIf(missing)("Merkle proofs (RFC 6962)", () => {
  interface Inclusion {
    readonly leafIdx: number;
    readonly treeSize: number;
    readonly root: string | null;
    readonly leafHash: string | null;
    readonly proof: readonly string[] | null;
    readonly wantErr: boolean;
  }
  interface Consistency {
    readonly size1: number;
    readonly size2: number;
    readonly root1: string | null;
    readonly root2: string | null;
    readonly proof: readonly string[] | null;
    readonly wantErr: boolean;
  }
  const cases = <Case>(folder: string): [string, Case][] =>
    (missing ? [] : readdirSync(join(vectors, "merkle", folder), { recursive: true, encoding: "utf8" }))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => [name, JSON.parse(readFileSync(join(vectors, "merkle", folder, name), "utf8"))]);
  const hashes = (proof: readonly string[] | null): TreeHash[] => (proof ?? []).map(fromBase64);

  it("shows what is in a tree, and nothing else", () => {
    const wrong = cases<Inclusion>("inclusion").filter(([, one]) => {
      const { leafIdx, treeSize, root, leafHash: leaf, proof, wantErr } = one;
      const holds = verifyInclusion(
        fromBase64(leaf ?? ""),
        leafIdx,
        treeSize,
        hashes(proof),
        fromBase64(root ?? ""),
      );
      return holds === wantErr;
    });
    expect(wrong.map(([name]) => name)).toEqual([]);
    expect(cases("inclusion").length).toBeGreaterThan(90);
  });

  it("shows what continues a tree, and nothing else", () => {
    // Its roots are no hashes, which we refuse before anything is compared.
    const unlike = "additional/sizes-are-equal-one-and-proof-is-empty.json";
    const wrong = cases<Consistency>("consistency").filter(([, one]) => {
      const { size1, size2, root1, root2, proof, wantErr } = one;
      const first = { size: size1, root: fromBase64(root1 ?? "") };
      return (
        verifyConsistency(first, { size: size2, root: fromBase64(root2 ?? "") }, hashes(proof)) === wantErr
      );
    });
    expect(wrong.map(([name]) => name)).toEqual([unlike]);
    expect(cases("consistency").length).toBeGreaterThan(90);
  });
});

describe.skipIf(missing)("a tiled log (C2SP tlog-tiles)", () => {
  const log = join(vectors, "tiles", "log");
  const key = parseNoteKey("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
  const sizes = Array.from({ length: 16 }, (_, size) => size);
  const tile = (size: number): TreeHash[] =>
    hashesOf(readFileSync(join(log, tilePath({ level: 0, n: 0, width: size })))) ?? [];

  it.each(["checkpoint", ...sizes.map((size) => `checkpoint.${size}`)])(
    "%s: signature, tiles and entries",
    async (name) => {
      const note = parseSignedNote(readFileSync(join(log, name)));
      const { origin, size, root } = parseCheckpoint(note.text);
      expect([origin, await isSignedBy(note, key)]).toEqual([key.name, true]);
      expect(toBase64(rootFromTiles(size, () => tile(size)))).toBe(toBase64(root));
      const entries = size === 0 ? new Uint8Array() : readFileSync(join(log, `tile/entries/000.p/${size}`));
      expect(entriesIn(entries).map((entry) => toHex(leafHash(entry)))).toEqual(
        size === 0 ? [] : tile(size).map(toHex),
      );
    },
  );

  it("each checkpoint continues the smaller ones, and has every entry", () => {
    const roots = sizes.map(
      (size) => parseCheckpoint(parseSignedNote(readFileSync(join(log, `checkpoint.${size}`))).text).root,
    );
    const read: ReadNodes = (_level, from, to) => tile(15).slice(from, to);
    for (const size of sizes.slice(1)) {
      const after = { size, root: roots[size] as TreeHash };
      for (let first = 1; first <= size; first++) {
        const before = { size: first, root: roots[first] as TreeHash };
        expect(verifyConsistency(before, after, proveConsistency(first, size, read))).toBe(true);
      }
      for (let i = 0; i < size; i++)
        expect(
          verifyInclusion(tile(15)[i] as TreeHash, i, size, proveInclusion(i, size, read), after.root),
        ).toBe(true);
    }
  });
});

/** Entries of a bundle, each after its length as a big-endian 16-bit number. */
function entriesIn(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    entries.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}

function readKey(der: string): PublicKey | undefined {
  try {
    return publicKeyFromSpki(fromHex(der));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
