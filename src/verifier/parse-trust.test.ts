import { describe, expect, it } from "vitest";
import { sampleKeys, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { publicKeyText } from "../format/public-key.ts";
import { memoryBundle, parseTrust, refuseTrustFromBundle } from "./index.ts";

const malformed = expect.objectContaining({ code: "FAILURE_INPUT_MALFORMED" });
const read = (changes: object) => () => parseTrust(JSON.stringify({ ...sampleTrust(), ...changes }));

describe("parseTrust", () => {
  it("reads what `trust new` writes", () => {
    expect(parseTrust(JSON.stringify(sampleTrust(), null, 2))).toEqual(sampleTrust());
  });

  it("refuses one key for two principals, keys that are none, unknown members and repeated ones", () => {
    const keys = [{ publicKey: publicKeyText(sampleKeys.anna.publicKey), custody: "held" }];
    expect(read({ principals: sampleTrust().principals.map((one) => ({ ...one, keys })) })).toThrow(
      malformed,
    );
    expect(read({ issuerRoots: [{ name: "x", publicKey: "A".repeat(60) }] })).toThrow(malformed);
    expect(read({ extra: 1 })).toThrow(malformed);
    expect(() => parseTrust('{"kind":"Trust","kind":"Trust"}')).toThrow(malformed);
    expect(() => parseTrust("not: [a, trust")).toThrow(malformed);
  });

  it("says unsupported to another version", () => {
    expect(read({ apiVersion: "witnessops/v2" })).toThrow(
      expect.objectContaining({ code: "FAILURE_INPUT_UNSUPPORTED" }),
    );
  });
});

describe("refuseTrustFromBundle", () => {
  it("refuses the bundle's own file, listed or not, and no other", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(sampleTrust()));
    const source = memoryBundle(new Map([["trust.json", bytes]]));
    await expect(refuseTrustFromBundle(source, bytes)).rejects.toMatchObject({
      code: "FAILURE_INPUT_MALFORMED",
    });
    await expect(refuseTrustFromBundle(source, new Uint8Array([1]))).resolves.toBeUndefined();
  });

  it("refuses it in another spelling, and lets other files be", async () => {
    const trust = sampleTrust();
    const spelled = new TextEncoder().encode(JSON.stringify(trust, null, 2));
    const reordered = Object.fromEntries(Object.entries(trust).reverse());
    const inside = (value: unknown) =>
      memoryBundle(new Map([["artifacts/notes.json", new TextEncoder().encode(JSON.stringify(value))]]));
    await expect(refuseTrustFromBundle(inside(reordered), spelled)).rejects.toMatchObject({
      code: "FAILURE_INPUT_MALFORMED",
    });
    const other = sampleTrust({ principals: trust.principals.slice(1) });
    await expect(refuseTrustFromBundle(inside(other), spelled)).resolves.toBeUndefined();
    await expect(refuseTrustFromBundle(inside({ kind: "Trust" }), spelled)).resolves.toBeUndefined();
  });
});
