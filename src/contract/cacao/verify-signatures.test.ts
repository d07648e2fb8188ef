import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../format/canonical-json.ts";
import { sha256Hex } from "../../format/crypto.ts";
import type { JsonObject } from "../../format/json.ts";
import { keyOfCertificate, keyOfPem } from "./certificate-key.ts";
import { signatureRefusal, verifySignatures } from "./verify-signatures.ts";

const root = join(import.meta.dirname, "../../..");
const signed = JSON.parse(
  readFileSync(join(root, "test/fixtures/cacao/oasis-signed.json"), "utf8"),
) as JsonObject;
const [signature] = signed.signatures as JsonObject[];
const embedded = keyOfPem(String(signature?.public_key));
/** Within the time for which the example is signed. */
const THEN = new Date("2023-03-01T00:00:00Z");
const folder = mkdtempSync(join(tmpdir(), "witnessops-cacao-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const openssl = (...args: string[]) =>
  execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });

describe("the standard's own example", () => {
  it("has the digest that the standard prints", () => {
    const { value: _, ...rest } = signature as JsonObject;
    expect(sha256Hex(canonicalJson({ ...signed, signatures: [rest] }))).toBe(
      "973bb6492184e4681b1eab9df1f56926fc1a91582e3529bfd0bfb231e1c51b0a",
    );
  });

  it("holds by its own key as integrity, and by a trusted key as authentic", async () => {
    expect(await verifySignatures(signed, undefined)).toMatchObject([{ verdict: "integrity-only" }]);
    const checked = await verifySignatures(signed, embedded, THEN);
    expect(checked).toMatchObject([{ verdict: "authenticated" }]);
    expect(signatureRefusal(signed, checked, embedded)).toBeUndefined();
  });

  it("holds beside other signatures, and with the members in another order", async () => {
    const { public_key: _, ...keyless } = signature as JsonObject;
    const other = { ...keyless, id: "jss--other", cert_url: "https://keys.example/x" };
    const turned = Object.fromEntries(Object.entries(signed).reverse()) as JsonObject;
    const checked = await verifySignatures(
      { ...turned, signatures: [other, signature as JsonObject] },
      undefined,
    );
    expect(checked.map(({ verdict }) => verdict)).toEqual(["unchecked", "integrity-only"]);
  });

  it.each([
    ["another name", { ...signed, name: "Playbook 2" }],
    ["a member more", { ...signed, priority: 1 }],
    ["another signee", { ...signed, signatures: [{ ...signature, signee: "somebody" }] }],
    ["another algorithm", { ...signed, signatures: [{ ...signature, algorithm: "RS512" }] }],
    ["a cut value", { ...signed, signatures: [{ ...signature, value: String(signature?.value).slice(4) }] }],
    ["a value in another alphabet", { ...signed, signatures: [{ ...signature, value: "+/" }] }],
    ["a key that is none", { ...signed, signatures: [{ ...signature, public_key: "AAAA" }] }],
    ["no object", { ...signed, signatures: ["x"] }],
  ])("is refused with %s", async (_name, playbook) => {
    const checked = await verifySignatures(playbook as JsonObject, undefined);
    expect(checked[0]?.verdict).toBe("invalid");
    expect(signatureRefusal(playbook as JsonObject, checked, undefined)).toContain(
      "`signatures[0]` does not hold",
    );
  });

  it("does not count outside its time", async () => {
    for (const [now, why] of [
      ["2023-01-10T17:39:31.318Z", "it is not valid yet"],
      ["2023-06-10T17:39:31.319Z", "it is no longer valid"],
    ] as const) {
      const checked = await verifySignatures(signed, embedded, new Date(now));
      expect(checked).toMatchObject([{ verdict: "unchecked", why }]);
      expect(signatureRefusal(signed, checked, embedded)).toContain("by the key that you trust");
    }
  });

  it("does not count when it was revoked, or when its algorithm is not known", async () => {
    for (const [change, verdict] of [
      [{ revoked: true }, "revoked"],
      [{ algorithm: "HS256" }, "unchecked"],
      [{ algorithm: "constructor" }, "unchecked"],
      [{ hash_algorithm: "md5" }, "unchecked"],
    ] as const) {
      const playbook = { ...signed, signatures: [{ ...signature, ...change }] } as JsonObject;
      const checked = await verifySignatures(playbook, embedded, THEN);
      expect(checked).toMatchObject([{ verdict }]);
      expect(signatureRefusal(playbook, checked, embedded)).toContain("by the key that you trust");
    }
  });
});

describe("beside openssl", () => {
  const make = (
    algorithm: string,
    name: string,
    ...options: string[]
  ): { playbook: JsonObject; spki: Uint8Array } => makeWith({}, algorithm, name, ...options);
  const makeWith = (
    more: JsonObject,
    algorithm: string,
    name: string,
    ...options: string[]
  ): { playbook: JsonObject; spki: Uint8Array } => {
    openssl("genpkey", "-algorithm", name, ...options.flatMap((one) => ["-pkeyopt", one]), "-out", "key.pem");
    openssl("pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem");
    const pem = readFileSync(join(folder, "pub.pem"), "utf8");
    const unsigned = {
      type: "jss",
      id: "jss--1",
      ...more,
      hash_algorithm: "sha-256",
      algorithm,
      public_key: pem.replace(/-----[^-]+-----|\s/g, ""),
    };
    const playbook = {
      type: "playbook",
      id: "playbook--1",
      modified: "2026-01-01T00:00:00Z",
      name: "é\u0007",
      n: 1e21,
      signatures: [unsigned],
    };
    writeFileSync(join(folder, "hash"), sha256Hex(canonicalJson(playbook)));
    if (algorithm === "Ed25519")
      openssl("pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-in", "hash", "-out", "sig");
    else
      openssl(
        "dgst",
        algorithm.endsWith("512") ? "-sha512" : algorithm.endsWith("384") ? "-sha384" : "-sha256",
        "-sign",
        "key.pem",
        "-out",
        "sig",
        "hash",
      );
    let bytes = readFileSync(join(folder, "sig"));
    const size = { ES256: 32, ES384: 48, ES512: 66 }[algorithm];
    if (size !== undefined) bytes = rawOf(bytes, size);
    const value = bytes.toString("base64url");
    return {
      playbook: { ...playbook, signatures: [{ ...unsigned, value }] } as JsonObject,
      spki: keyOfPem(pem) as Uint8Array,
    };
  };

  it.each([
    [{ related_to: "playbook--2" }, "it is related to another playbook"],
    [{ related_version: "1999-01-01T00:00:00Z" }, "it is related to another version of the playbook"],
  ])("a signature with %j does not count", async (more, why) => {
    const { playbook, spki } = makeWith(more, "Ed25519", "ED25519");
    expect(await verifySignatures(playbook, spki)).toMatchObject([{ verdict: "unchecked", why }]);
  });

  it.each([
    ["RS256", "RSA", "rsa_keygen_bits:2048"],
    ["RS512", "RSA", "rsa_keygen_bits:3072"],
    ["ES256", "EC", "ec_paramgen_curve:P-256"],
    ["ES384", "EC", "ec_paramgen_curve:P-384"],
    ["ES512", "EC", "ec_paramgen_curve:P-521"],
    ["Ed25519", "ED25519"],
  ])("%s by openssl holds", async (algorithm, name, ...options) => {
    const { playbook, spki } = make(algorithm, name, ...options);
    expect(await verifySignatures(playbook, spki)).toMatchObject([{ verdict: "authenticated" }]);
    expect(await verifySignatures({ ...playbook, name: "e" }, spki)).toMatchObject([{ verdict: "invalid" }]);
  });

  it("a short RSA key does not count", async () => {
    const { playbook, spki } = make("RS256", "RSA", "rsa_keygen_bits:1024");
    expect(await verifySignatures(playbook, spki)).toMatchObject([{ verdict: "invalid" }]);
  });

  it("the key of a certificate is the one that openssl reads", () => {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "key.pem",
      "-out",
      "cert.pem",
      "-subj",
      "/CN=x",
      "-days",
      "2",
    );
    const text = readFileSync(join(folder, "cert.pem"), "utf8");
    const pem = openssl("x509", "-in", "cert.pem", "-noout", "-pubkey").toString();
    expect(keyOfPem(text)).toEqual(keyOfPem(pem));
    const base64 = text.replace(/-----[^-]+-----|\s/g, "");
    expect(keyOfCertificate(base64)).toEqual(keyOfPem(pem));
    for (let cut = 4; cut < base64.length; cut += 40)
      expect(keyOfCertificate(base64.slice(0, cut))).toBeUndefined();
    expect(keyOfPem(readFileSync(join(folder, "key.pem"), "utf8"))).toBeUndefined();
  });
});

/** ECDSA's `r ‖ s` of openssl's DER. */
function rawOf(der: Buffer, size: number): Buffer<ArrayBuffer> {
  let at = der[1] === 0x81 ? 3 : 2;
  const halves = [0, 1].map(() => {
    const length = der[at + 1] ?? 0;
    const half = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return Buffer.concat([Buffer.alloc(size), half]).subarray(-size);
  });
  return Buffer.concat(halves);
}
