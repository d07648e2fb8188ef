import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, fromHex, toBase64, toHex } from "./base64.ts";
import { sha256Hex, startSha256, verifySignature } from "./crypto.ts";
import { digestOf, isDigest, parseDigest } from "./digest.ts";
import { envelopeDigest, envelopeFromJson, envelopeToJson, preAuthEncoding } from "./dsse.ts";
import type { Json } from "./json.ts";
import { parsePublicKey, publicKeyFromSpki, publicKeyText } from "./public-key.ts";
import { signEnvelope } from "./signer.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function newKey(curve: "ed25519" | "P-256" | "P-384") {
  const { publicKey, privateKey } =
    curve === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: curve });
  return { spki: new Uint8Array(publicKey.export({ format: "der", type: "spki" })), privateKey };
}

async function signed() {
  const { spki, privateKey } = newKey("ed25519");
  const publicKey = publicKeyFromSpki(spki);
  const signer = { publicKey, sign: (message: Uint8Array) => sign(null, message, privateKey) };
  return { publicKey, envelope: await signEnvelope(signer, text('{"a":1}')) };
}

describe("DSSE", () => {
  it("covers the payload type and the payload (protocol.md, test vector)", () => {
    const encoded = preAuthEncoding("http://example.com/HelloWorld", text("hello world"));
    expect(new TextDecoder().decode(encoded)).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  it("signs what verifies, and a changed payload does not", async () => {
    const { publicKey, envelope } = await signed();
    const message = preAuthEncoding(envelope.payloadType, envelope.payload);
    expect(await verifySignature(publicKey, message, envelope.signature.sig)).toBe(true);
    const changed = preAuthEncoding(envelope.payloadType, text('{"a":2}'));
    expect(await verifySignature(publicKey, changed, envelope.signature.sig)).toBe(false);
    expect(envelopeDigest(envelope)).toBe(digestOf(message));
  });

  it("comes back from JSON as it was", async () => {
    const { envelope } = await signed();
    const back = envelopeFromJson(envelopeToJson(envelope) as unknown as Json);
    expect(toHex(back.payload)).toBe(toHex(envelope.payload));
    expect(back.signature.keyId).toBe(envelope.signature.keyId);
  });

  it.each([
    ["two signatures", (json: Edit) => json.signatures.push(json.signatures[0] as object)],
    ["no signature", (json: Edit) => json.signatures.pop()],
    ["an unknown member", (json: Edit) => Object.assign(json, { extra: 1 })],
    [
      "an unknown member of the signature",
      (json: Edit) => Object.assign(json.signatures[0] as object, { cert: "" }),
    ],
    ["base64 without padding", (json: Edit) => Object.assign(json, { payload: "e30" })],
    ["no payload type", (json: Edit) => Object.assign(json, { payloadType: "" })],
  ])("refuses %s", async (_name, edit) => {
    const json = structuredClone(envelopeToJson((await signed()).envelope)) as unknown as Edit;
    edit(json);
    expect(() => envelopeFromJson(json as unknown as Json)).toThrow(
      expect.objectContaining({ code: "ENVELOPE_MALFORMED" }),
    );
  });
});

interface Edit {
  signatures: object[];
  payload: string;
}

describe("public keys", () => {
  it("are Ed25519 or P-256, with the same id however they are read", () => {
    for (const curve of ["ed25519", "P-256"] as const) {
      const key = publicKeyFromSpki(newKey(curve).spki);
      expect(parsePublicKey(publicKeyText(key))).toEqual(key);
      expect(key.keyId).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    }
  });

  it("of other kinds are refused by name", () => {
    const other = publicKeyFromSpki.bind(undefined, newKey("P-384").spki);
    expect(other).toThrow(expect.objectContaining({ code: "KEY_UNSUPPORTED" }));
    expect(() => parsePublicKey("not base64")).toThrow(expect.objectContaining({ code: "KEY_MALFORMED" }));
  });

  it("verify P-256 signatures, and nothing with the wrong algorithm", async () => {
    const { spki, privateKey } = newKey("P-256");
    const key = publicKeyFromSpki(spki);
    const sig = sign("sha256", text("m"), { key: privateKey, dsaEncoding: "der" });
    expect(await verifySignature(key, text("m"), sig)).toBe(true);
    expect(await verifySignature({ ...key, algorithm: "ed25519" }, text("m"), sig)).toBe(false);
    expect(await verifySignature({ ...key, spki: new Uint8Array(3) }, text("m"), sig)).toBe(false);
  });
});

describe("base64, hex and digests", () => {
  it("have one spelling for each byte string", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      }),
    );
  });

  it.each(["e30", "e31=", " e30=", "e30=\n", "e3_=", "===="])("refuse `%s`", (spelling) => {
    expect(() => fromBase64(spelling)).toThrow(expect.objectContaining({ code: "BASE64_MALFORMED" }));
  });

  it("hash the same in one go and in pieces", () => {
    expect(startSha256().update(text("ab")).update(text("c")).hex()).toBe(sha256Hex("abc"));
    expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("name their algorithm", () => {
    expect(parseDigest(digestOf("abc"))).toBe(digestOf("abc"));
    expect(isDigest(`sha256:${"A".repeat(64)}`)).toBe(false);
    expect(() => parseDigest("md5:00")).toThrow(expect.objectContaining({ code: "DIGEST_MALFORMED" }));
  });
});
