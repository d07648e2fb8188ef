// OpenSSL alone checks every receipt of a bundle that the governed path made, with the very commands of
// docs/verify-with-openssl.md; and what OpenSSL signs verifies here.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RECEIPTS_PATH } from "../../src/contract/proof-bundle.ts";
import type { Trust } from "../../src/contract/trust.ts";
import { fromBase64, toBase64 } from "../../src/format/base64.ts";
import { verifySignature } from "../../src/format/crypto.ts";
import { publicKeyFromSpki, publicKeyText } from "../../src/format/public-key.ts";
import { forge, withBadSignature } from "../fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle, sampleKeys, sampleTrust } from "../fixtures/sample-bundle.ts";

const page = join(import.meta.dirname, "..", "..", "docs", "verify-with-openssl.md");
const missing = reasonToSkip();
if (missing !== undefined) console.log(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)("the recipe for openssl", () => {
  // The page's first block makes a bundle with the demo. Here the bundle is given, and the blocks after it are run as they stand.
  const [makeBundle, ...blocks] = recipe();
  const checks = blocks.filter(({ exit }) => exit === 0).map(({ text }) => text);
  const refusals = blocks.filter(({ exit }) => exit !== 0).map(({ text }) => text);
  let folder: string;
  let sample: SampleBundle;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-openssl-"));
    sample = await sampleBundle();
    unpack(sample.files, sampleTrust());
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is in the page", () => {
    expect(makeBundle?.text).toContain("witnessops demo");
    expect(checks.join("")).toContain("openssl pkeyutl -verify");
    expect([checks.length, refusals.length]).toEqual([4, 1]);
  });

  it("accepts every receipt, and refuses each one when a byte of it is different", () => {
    for (const line of linesOf(sample.files)) {
      const accepted = check(line);
      expect(accepted.stdout.match(/Signature Verified Successfully/g), accepted.stderr).toHaveLength(2);
      expect(accepted.status).toBe(0);
      for (const text of refusals) {
        const refused = run(text);
        expect([refused.status, refused.stdout]).toEqual([1, "Signature Verification Failure\n"]);
      }
    }
  }, 60_000);

  it("refuses a changed payload, a changed signature, a key that nobody certified and another root", async () => {
    const line = linesOf(sample.files).at(-1) ?? "";
    const changed = JSON.parse(line);
    const payload = fromBase64(changed.dsseEnvelope.payload);
    payload[payload.length - 10] = (payload[payload.length - 10] ?? 0) ^ 1;
    changed.dsseEnvelope.payload = toBase64(payload);
    expect(check(JSON.stringify(changed)).status).toBe(1);
    expect(check(withBadSignature(line)).status).toBe(1);

    const byMallory = linesOf(await forge(sample, { signer: sampleKeys.mallory })).at(-1) ?? "";
    expect(check(byMallory).status).toBe(1);
    // Mallory's signature under the issuer's name.
    const hint = sampleKeys.issuer.publicKey.keyId;
    expect(check(byMallory.replaceAll(sampleKeys.mallory.publicKey.keyId, hint)).status).toBe(1);

    const root = { name: "another", publicKey: publicKeyText(sampleKeys.mallory.publicKey) };
    unpack(sample.files, sampleTrust({ issuerRoots: [root] }));
    expect(check(line).status).toBe(1);
    unpack(sample.files, sampleTrust());
    expect(check(line).status).toBe(0);
  });

  function check(line: string) {
    writeFileSync(join(folder, "receipt.json"), `${line}\n`);
    return run(checks.join("\n"));
  }

  function run(text: string) {
    return spawnSync("sh", ["-eu"], { cwd: folder, input: text, encoding: "utf8" });
  }

  function unpack(files: ReadonlyMap<string, Uint8Array>, trust: Trust): void {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(folder, "bundle", path)), { recursive: true });
      writeFileSync(join(folder, "bundle", path), bytes);
    }
    writeFileSync(join(folder, "trust.json"), JSON.stringify(trust, null, 2));
    writeFileSync(join(folder, "demo.json"), JSON.stringify({ bundle: "bundle", trust: "trust.json" }));
  }
});

describe.skipIf(missing !== undefined)("what openssl signs", () => {
  const message = Buffer.from("a message");
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-openssl-"));
    writeFileSync(join(folder, "message"), message);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    [
      "ed25519",
      ["-algorithm", "ed25519"],
      ["pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "message"],
    ],
    [
      "ecdsa-p256-sha256",
      ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ["dgst", "-sha256", "-sign", "key.pem", "message"],
    ],
  ] as const)("verifies: %s", async (algorithm, make, sign) => {
    openssl("genpkey", ...make, "-out", "key.pem");
    const key = publicKeyFromSpki(openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER"));
    expect(key.algorithm).toBe(algorithm);
    const signature = openssl(...sign);
    expect(await verifySignature(key, message, signature)).toBe(true);
    expect(await verifySignature(key, Buffer.from("b message"), signature)).toBe(false);
    const changed = Uint8Array.from(signature);
    changed[signature.length - 1] = (changed[signature.length - 1] ?? 0) ^ 1;
    expect(await verifySignature(key, message, changed)).toBe(false);
    expect(await verifySignature(sampleKeys.mallory.publicKey, message, signature)).toBe(false);
  });

  function openssl(...args: string[]): Uint8Array {
    return new Uint8Array(execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] }));
  }
});

function linesOf(files: ReadonlyMap<string, Uint8Array>): string[] {
  return new TextDecoder().decode(files.get(RECEIPTS_PATH)).trimEnd().split("\n");
}

/** The page's `sh run` blocks about signatures, with the exit status that each must end with; time-stamps need an authority. */
function recipe(): { text: string; exit: number }[] {
  const fenced = /^```sh run(?: exit=(\d+))?\n([\s\S]*?)^```$/gm;
  const [signatures = ""] = readFileSync(page, "utf8").split("\n## Check a time-stamp\n");
  return [...signatures.matchAll(fenced)].map(([, exit = "0", text = ""]) => ({
    text,
    exit: Number(exit),
  }));
}

function reasonToSkip(): string | undefined {
  if (process.platform === "win32") return "the recipe is for sh";
  const { stdout } = spawnSync("openssl", ["version"], { encoding: "utf8" });
  const major = Number(/^OpenSSL (\d+)\./.exec(stdout ?? "")?.[1] ?? 0);
  return major >= 3 ? undefined : "OpenSSL 3 is not installed";
}
