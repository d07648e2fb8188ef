import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { principal } from "../../test/gate-facts.ts";
import type { Principal, PrincipalSet } from "../contract/principal.ts";
import { toBase64 } from "../format/base64.ts";
import { canonicalBytes, canonicalJson } from "../format/canonical-json.ts";
import { digestOf } from "../format/digest.ts";
import { type Envelope, envelopeDigest } from "../format/dsse.ts";
import { type PublicKey, publicKeyFromSpki, publicKeyText } from "../format/public-key.ts";
import { type Signer, signEnvelope } from "../format/signer.ts";
import {
  APPROVAL_PAYLOAD_TYPE,
  CONCLUSION_PAYLOAD_TYPE,
  RESOLUTION_PAYLOAD_TYPE,
} from "../format/statement.ts";
import { checkApproval } from "./approval-statement.ts";
import { checkConclusion } from "./conclusion-statement.ts";
import { checkResolution } from "./resolution-statement.ts";

const at = "2026-11-23T10:00:00.000Z";
const bobKey = newSigner();
const otherKey = newSigner();
const p256Key = newSigner("p256");

const approval = {
  purpose: "witnessops/approval/v1",
  decision: "approve",
  actionDigest: digestOf("action"),
  principal: "bob",
  reason: "in the plan",
  notAfter: "2026-11-24T10:00:00Z",
  nonce: "a".repeat(32),
} as const;
const resolution = {
  purpose: "witnessops/resolution/v1",
  finding: "executed",
  invocation: "run1/step",
  attempt: 1,
  actionDigest: digestOf("action"),
  principal: "bob",
  reason: "seen in the other system",
  signedAt: at,
  nonce: "b".repeat(32),
} as const;
const conclusion = {
  purpose: "witnessops/conclusion/v1",
  run: "run1",
  label: "inferred",
  statement: "the account was taken over",
  confidence: "high",
  cites: [{ receipt: digestOf("receipt") }],
  principal: "bob",
  signedAt: at,
} as const;

function newSigner(kind: "ed25519" | "p256" = "ed25519"): Signer {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey: PublicKey = publicKeyFromSpki(
    new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" })),
  );
  const hash = kind === "ed25519" ? null : "sha256";
  return { publicKey, sign: (message) => new Uint8Array(sign(hash, message, pair.privateKey)) };
}

function keyOf(signer: Signer, more: Partial<Principal["keys"][number]> = {}): Principal["keys"][number] {
  return { publicKey: publicKeyText(signer.publicKey), custody: "held", ...more };
}

function people(...principals: Principal[]): PrincipalSet {
  return { apiVersion: "witnessops/v1", kind: "PrincipalSet", principals };
}

const bob = (more: Partial<Principal> = {}) =>
  principal("bob", { roles: ["approver"], keys: [keyOf(bobKey)], ...more });

function signed(
  statement: object,
  signer: Signer = bobKey,
  type: string = APPROVAL_PAYLOAD_TYPE,
): Promise<Envelope> {
  return signEnvelope(signer, canonicalBytes(statement), type);
}

describe("checkApproval", () => {
  it("turns a good approval into the fact that the gate sees", async () => {
    const envelope = await signed(approval);
    expect(await checkApproval(envelope, people(bob()), at)).toEqual({
      ok: true,
      statement: approval,
      fact: {
        digest: envelopeDigest(envelope),
        principal: "bob",
        decision: "approve",
        keyId: bobKey.publicKey.keyId,
        custody: "held",
        reason: "in the plan",
        notAfter: approval.notAfter,
      },
    });
  });

  it("accepts a P-256 key and one of several keys, and says its custody", async () => {
    const keys = [keyOf(otherKey), keyOf(p256Key, { custody: "local", notBefore: at, notAfter: at })];
    const checked = await checkApproval(await signed(approval, p256Key), people(bob({ keys })), at);
    expect(checked).toMatchObject({ ok: true, fact: { custody: "local", keyId: p256Key.publicKey.keyId } });
  });

  it("takes the key id as a hint only", async () => {
    const envelope = await signed(approval);
    const relabelled = { ...envelope, signature: { ...envelope.signature, keyId: "SHA256:whatever" } };
    expect(await checkApproval(relabelled, people(bob()), at)).toMatchObject({
      ok: true,
      fact: { keyId: bobKey.publicKey.keyId },
    });
  });

  it.each<[string, string, () => Promise<Envelope>, PrincipalSet, string]>([
    [
      "payload-type",
      "another type",
      () => signed(approval, bobKey, CONCLUSION_PAYLOAD_TYPE),
      people(bob()),
      at,
    ],
    ["payload-malformed", "another statement under this type", () => signed(resolution), people(bob()), at],
    ["payload-malformed", "an unknown member", () => signed({ ...approval, extra: 1 }), people(bob()), at],
    [
      "payload-malformed",
      "an unknown decision",
      () => signed({ ...approval, decision: "maybe" }),
      people(bob()),
      at,
    ],
    [
      "payload-malformed",
      "JSON that is not canonical",
      () =>
        signEnvelope(bobKey, new TextEncoder().encode(` ${canonicalJson(approval)}`), APPROVAL_PAYLOAD_TYPE),
      people(bob()),
      at,
    ],
    ["principal-unknown", "nobody by that name", () => signed(approval), people(), at],
    ["principal-unknown", "two by that name", () => signed(approval), people(bob(), bob()), at],
    ["principal-not-human", "an agent", () => signed(approval), people(bob({ type: "agent" })), at],
    ["principal-not-human", "a service", () => signed(approval), people(bob({ type: "service" })), at],
    [
      "key-unknown",
      "somebody else's key",
      () => signed(approval, otherKey),
      people(bob(), principal("mallory", { keys: [keyOf(otherKey)] })),
      at,
    ],
    ["key-unknown", "no key at all", () => signed(approval), people(bob({ keys: [] })), at],
    [
      "key-shared",
      "two people with the key",
      () => signed(approval),
      people(bob(), principal("alice", { keys: [keyOf(bobKey)] })),
      at,
    ],
    [
      "key-not-valid",
      "not yet in force",
      () => signed(approval),
      people(bob({ keys: [keyOf(bobKey, { notBefore: "2026-11-23T10:00:01Z" })] })),
      at,
    ],
    [
      "key-not-valid",
      "no longer in force",
      () => signed(approval),
      people(bob({ keys: [keyOf(bobKey, { notAfter: "2026-11-23T09:59:59Z" })] })),
      at,
    ],
    ["key-not-valid", "a clock that is none", () => signed(approval), people(bob()), "soon"],
    [
      "signature-invalid",
      "a changed statement",
      async () => ({
        ...(await signed(approval)),
        payload: canonicalBytes({ ...approval, decision: "reject" }),
      }),
      people(bob()),
      at,
    ],
  ])("refuses with %s: %s", async (reason, _, envelope, principals, when) => {
    expect(await checkApproval(await envelope(), principals, when)).toEqual({ ok: false, reason });
  });

  it("passes over a key that cannot be read", async () => {
    const keys = [{ publicKey: toBase64(new Uint8Array(44)), custody: "held" as const }, keyOf(bobKey)];
    expect(await checkApproval(await signed(approval), people(bob({ keys })), at)).toMatchObject({
      ok: true,
    });
  });

  it("refuses whatever bit of the payload or signature changes", async () => {
    const envelope = await signed(approval);
    const flip = (bytes: Uint8Array, bit: number) =>
      bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    await fc.assert(
      fc.asyncProperty(fc.nat(envelope.payload.length * 8 - 1), fc.nat(511), async (payloadBit, sigBit) => {
        const payload = { ...envelope, payload: flip(envelope.payload, payloadBit) };
        const signature = {
          ...envelope,
          signature: { ...envelope.signature, sig: flip(envelope.signature.sig, sigBit) },
        };
        expect((await checkApproval(payload, people(bob()), at)).ok).toBe(false);
        expect((await checkApproval(signature, people(bob()), at)).ok).toBe(false);
      }),
    );
  });
});

describe("checkResolution", () => {
  it("accepts a person's, and nobody else's", async () => {
    const envelope = await signed(resolution, bobKey, RESOLUTION_PAYLOAD_TYPE);
    expect(await checkResolution(envelope, people(bob()), at)).toMatchObject({
      ok: true,
      statement: resolution,
    });
    expect(await checkResolution(envelope, people(bob({ type: "agent" })), at)).toEqual({
      ok: false,
      reason: "principal-not-human",
    });
  });

  it("is no approval under another name", async () => {
    const envelope = await signed(approval, bobKey, RESOLUTION_PAYLOAD_TYPE);
    expect(await checkResolution(envelope, people(bob()), at)).toEqual({
      ok: false,
      reason: "payload-malformed",
    });
  });
});

describe("checkConclusion", () => {
  it("lets an agent conclude, but not with high confidence", async () => {
    const high = await signed(conclusion, bobKey, CONCLUSION_PAYLOAD_TYPE);
    const low = await signed({ ...conclusion, confidence: "low" }, bobKey, CONCLUSION_PAYLOAD_TYPE);
    const agent = people(bob({ type: "agent" }));
    expect(await checkConclusion(high, people(bob()), at)).toMatchObject({ ok: true, statement: conclusion });
    expect(await checkConclusion(low, agent, at)).toMatchObject({ ok: true });
    expect(await checkConclusion(high, agent, at)).toEqual({ ok: false, reason: "principal-not-human" });
  });
});
