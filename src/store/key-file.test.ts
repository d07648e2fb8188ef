import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { verifySignature } from "../format/crypto.ts";
import { publicKeyText } from "../format/public-key.ts";
import { createKeyFile, openKeyFile, publicKeyPem, readPublicKeyFile } from "./key-file.ts";

const folder = mkdtempSync(join(tmpdir(), "key-file-"));
afterAll(() => rmSync(folder, { recursive: true }));
let made = 0;
const path = (): string => join(folder, `key-${made++}.pem`);
const message = new TextEncoder().encode("signed");

describe("key file", () => {
  it("signs what its public half verifies, after being read back", async () => {
    const file = path();
    const created = createKeyFile(file);
    const opened = openKeyFile(file);
    expect(opened.publicKey.keyId).toBe(created.publicKey.keyId);
    const signature = await opened.sign(message);
    expect(signature.length).toBe(64);
    expect(await verifySignature(created.publicKey, message, signature)).toBe(true);
  });

  it("is private and never overwritten", () => {
    const file = path();
    createKeyFile(file);
    const before = readFileSync(file, "utf8");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => createKeyFile(file)).toThrow(expect.objectContaining({ code: "KEY_FILE_EXISTS" }));
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it.each([0o640, 0o604, 0o620])("is refused when others may use it (%o)", (mode) => {
    const file = path();
    createKeyFile(file);
    chmodSync(file, mode);
    expect(() => openKeyFile(file)).toThrow(expect.objectContaining({ code: "KEY_FILE_EXPOSED" }));
    expect(() => readPublicKeyFile(file)).toThrow(expect.objectContaining({ code: "KEY_FILE_EXPOSED" }));
  });

  it("opens an encrypted file with its passphrase only", () => {
    const file = path();
    const { publicKey } = createKeyFile(file, { passphrase: "correct horse" });
    expect(readFileSync(file, "utf8")).toContain("ENCRYPTED");
    expect(openKeyFile(file, { passphrase: "correct horse" }).publicKey.keyId).toBe(publicKey.keyId);
    for (const passphrase of [undefined, "", "wrong"]) {
      expect(() => openKeyFile(file, { passphrase })).toThrow(
        expect.objectContaining({ code: "KEY_FILE_PASSPHRASE" }),
      );
    }
  });

  it("opens an open file whatever the passphrase", () => {
    const file = path();
    const { publicKey } = createKeyFile(file);
    expect(openKeyFile(file, { passphrase: "unused" }).publicKey.keyId).toBe(publicKey.keyId);
  });

  it("makes P-256 keys, encrypted too, whose signatures are ECDSA in DER", async () => {
    for (const passphrase of [undefined, "correct horse"]) {
      const file = path();
      const { publicKey } = createKeyFile(file, { algorithm: "p256", passphrase });
      const opened = openKeyFile(file, { passphrase });
      expect([opened.publicKey.algorithm, opened.publicKey.keyId]).toEqual([
        "ecdsa-p256-sha256",
        publicKey.keyId,
      ]);
      const signature = await opened.sign(message);
      expect(signature[0]).toBe(0x30);
      expect(await verifySignature(publicKey, message, signature)).toBe(true);
      expect(await verifySignature(publicKey, new TextEncoder().encode("other"), signature)).toBe(false);
    }
  });

  it("signs with no other curve and no RSA", () => {
    for (const { privateKey } of [
      generateKeyPairSync("ec", { namedCurve: "P-384" }),
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ed448"),
    ]) {
      const file = path();
      writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
      expect(() => openKeyFile(file)).toThrow(expect.objectContaining({ code: "KEY_FILE_UNSUPPORTED" }));
    }
  });

  it("reads a public key as PEM and as the text of documents", () => {
    const { publicKey } = createKeyFile(path());
    for (const text of [publicKeyPem(publicKey), `${publicKeyText(publicKey)}\n`]) {
      const file = path();
      writeFileSync(file, text);
      expect(readPublicKeyFile(file).keyId).toBe(publicKey.keyId);
    }
  });

  it("says what is wrong with other files", () => {
    const file = path();
    expect(() => openKeyFile(file)).toThrow(expect.objectContaining({ code: "KEY_FILE_NOT_FOUND" }));
    writeFileSync(file, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", { mode: 0o600 });
    expect(() => openKeyFile(file)).toThrow(expect.objectContaining({ code: "KEY_FILE_MALFORMED" }));
    expect(() => openKeyFile(folder)).toThrow(expect.objectContaining({ code: "KEY_FILE_MALFORMED" }));
  });
});
