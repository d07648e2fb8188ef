import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertPasskey, type Bent, newAuthenticator } from "../../test/fixtures/passkey.ts";
import { verifyAssertion, webauthnChallenge } from "./webauthn-assertion.ts";

const payload = new TextEncoder().encode('{"decision":"approve"}');
const challenge = webauthnChallenge("application/vnd.witnessops.approval.v1+json", payload);
const authenticator = newAuthenticator();
const { passkey } = authenticator;

async function checked(bent: Bent, over = challenge): Promise<string> {
  const result = await verifyAssertion(passkey, challenge, assertPasskey(authenticator, over, bent));
  return result.ok ? "ok" : result.reason;
}

describe("an assertion of a passkey", () => {
  it.each(["p256", "ed25519"] as const)("counts, with %s", async (algorithm) => {
    const one = newAuthenticator(algorithm);
    expect(await verifyAssertion(one.passkey, challenge, assertPasskey(one, challenge))).toEqual({
      ok: true,
    });
  });

  it.each<[string, Bent, string]>([
    ["with extension data that its flags announce", { flags: 0x85, trailing: Uint8Array.of(0xa0) }, "ok"],
    ["of a backed-up credential", { flags: 0x1d }, "ok"],
    ["made to register", { type: "webauthn.create" }, "type"],
    ["over another challenge", { challenge: "AAAA" }, "challenge"],
    ["from another origin", { origin: "https://ops.example.test.evil.test" }, "origin"],
    ["from the origin without TLS", { origin: "http://ops.example.test" }, "origin"],
    ["from a frame of another site", { client: { crossOrigin: true } }, "cross-origin"],
    ["under another site's top", { client: { topOrigin: "https://evil.test" } }, "cross-origin"],
    ["for another relying party", { rpId: "example.test" }, "rp-id"],
    ["without presence", { flags: 0x04 }, "user-not-present"],
    ["without verification", { flags: 0x01 }, "user-not-verified"],
    ["of another credential", { credentialId: "AAAAAAAAAAAAAAAAAAAAAA" }, "credential"],
    ["with a raw signature", { encoding: "ieee-p1363" }, "signature"],
    ["with bytes after its end", { trailing: Uint8Array.of(0) }, "malformed"],
    ["with attested data", { flags: 0x45, trailing: new Uint8Array(40) }, "malformed"],
    ["with another member", { stored: { userHandle: "" } }, "malformed"],
    ["without its signature", { stored: { signature: "" } }, "signature"],
    ["with client data that is no JSON", { stored: { clientDataJSON: "AAAA" } }, "malformed"],
    ["with short authenticator data", { stored: { authenticatorData: "AAAA" } }, "malformed"],
  ])("%s", async (_about, bent, expected) => {
    expect(await checked(bent)).toBe(expected);
  });

  it("is bounded, and no other key's", async () => {
    const other = newAuthenticator();
    const stored = assertPasskey(authenticator, challenge);
    const impostor = { ...passkey, key: other.passkey.key };
    expect(await verifyAssertion(impostor, challenge, stored)).toMatchObject({ reason: "signature" });
    expect(await verifyAssertion(passkey, challenge, new Uint8Array(9000))).toMatchObject({
      reason: "malformed",
    });
    expect(await verifyAssertion(passkey, challenge, stored.subarray(1))).toMatchObject({
      reason: "malformed",
    });
  });

  it("over a statement of another kind has another challenge", async () => {
    const other = webauthnChallenge("application/vnd.witnessops.resolution.v1+json", payload);
    expect(await checked({}, other)).toBe("challenge");
  });

  it("with any bit flipped does not count", async () => {
    const stored = assertPasskey(authenticator, challenge);
    await fc.assert(
      fc.asyncProperty(fc.nat(stored.length * 8 - 1), async (bit) => {
        const bent = Uint8Array.from(stored);
        bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect((await verifyAssertion(passkey, challenge, bent)).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
