// Facts that the project did not produce: public reference vectors, where the machine has them beside the repository.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/format/base64.ts";
import { canonicalBytes } from "../../src/format/canonical-json.ts";
import { FormatError } from "../../src/format/coded-error.ts";
import { verifySignature } from "../../src/format/crypto.ts";
import { type PublicKey, publicKeyFromSpki } from "../../src/format/public-key.ts";

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

function readKey(der: string): PublicKey | undefined {
  try {
    return publicKeyFromSpki(fromHex(der));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
