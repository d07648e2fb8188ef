import { describe, expect, it } from "vitest";
import { newSshKey, sshEnvelope, sshSign } from "../../test/fixtures/ssh-signer.ts";
import { principalSetFromJson } from "../contract/parse-principal.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { publicKeyFromSpki, publicKeyText } from "../format/public-key.ts";
import { sshPublicKeyText } from "../format/ssh-public-key.ts";
import { APPROVAL_PAYLOAD_TYPE, RESOLUTION_PAYLOAD_TYPE } from "../format/statement.ts";
import { checkApproval } from "./approval-statement.ts";

const NOW = "2026-11-26T12:00:00.000Z";
const ben = newSshKey();
const eve = newSshKey();

function principals(keys: PrincipalSet["principals"][number]["keys"] = [entry(ben)]): PrincipalSet {
  const base = { apiVersion: "witnessops/v1" as const, kind: "Principal" as const, type: "human" as const };
  return {
    apiVersion: "witnessops/v1",
    kind: "PrincipalSet",
    principals: [
      { ...base, id: "ben", name: "Ben", roles: ["approver"], keys },
      { ...base, id: "eve", name: "Eve", roles: ["approver"], keys: [entry(eve)] },
    ],
  };
}

function entry({ key }: typeof ben, validity: { notAfter?: string } = {}) {
  return { publicKey: sshPublicKeyText(key), custody: "held" as const, ...validity };
}

function statement(changes: object = {}) {
  return {
    purpose: "witnessops/approval/v1",
    decision: "approve",
    actionDigest: `sha256:${"a".repeat(64)}`,
    principal: "ben",
    notAfter: "2026-11-27T12:00:00.000Z",
    nonce: "0".repeat(32),
    ...changes,
  };
}

const good = sshEnvelope(ben, APPROVAL_PAYLOAD_TYPE, statement());

describe("an approval signed with an SSH key", () => {
  it("counts, and its fact names the key by what `ssh-keygen -l` prints", async () => {
    const checked = await checkApproval(good, principals(), NOW);
    expect(checked).toMatchObject({
      ok: true,
      fact: { principal: "ben", keyId: ben.key.keyId, custody: "held" },
    });
  });

  it.each([
    ["a login or a commit passed off as one", sshEnvelope(ben, APPROVAL_PAYLOAD_TYPE, statement(), "git")],
    [
      "a resolution's signature",
      sshEnvelope(ben, APPROVAL_PAYLOAD_TYPE, statement(), "resolution.v1@witnessops.dev"),
    ],
    ["made by another person", sshEnvelope(eve, APPROVAL_PAYLOAD_TYPE, statement())],
    [
      "a rejection turned into one",
      {
        ...sshEnvelope(ben, APPROVAL_PAYLOAD_TYPE, statement({ decision: "reject" })),
        payload: good.payload,
      },
    ],
    [
      "moved to another action",
      { ...good, payload: canonicalBytes(statement({ actionDigest: `sha256:${"b".repeat(64)}` })) },
    ],
    ["cut short", { ...good, signature: { ...good.signature, sig: good.signature.sig.subarray(0, -1) } }],
    [
      "with a byte more",
      { ...good, signature: { ...good.signature, sig: Uint8Array.of(...good.signature.sig, 0) } },
    ],
    ["as long as a book", { ...good, signature: { ...good.signature, sig: new Uint8Array(9000) } }],
  ])("does not count: %s", async (_about, envelope) => {
    const { ok } = await checkApproval(envelope, principals(), NOW);
    expect(ok).toBe(false);
  });

  it("does not count with a key that is no longer in force, or stands with two people", async () => {
    const past = principals([entry(ben, { notAfter: "2026-11-25T00:00:00.000Z" })]);
    expect(await checkApproval(good, past, NOW)).toEqual({ ok: false, reason: "key-not-valid" });
    const shared = principals([entry(ben), entry(eve)]);
    const byEve = sshEnvelope(eve, APPROVAL_PAYLOAD_TYPE, statement());
    expect(await checkApproval(byEve, shared, NOW)).toEqual({ ok: false, reason: "key-shared" });
  });

  it("does not count when the same key stands with another person in its plain form", async () => {
    const plain = publicKeyText(publicKeyFromSpki(ben.key.spki));
    const set = principals();
    const twice: PrincipalSet = {
      ...set,
      principals: set.principals.map((one) =>
        one.id === "eve" ? { ...one, keys: [{ publicKey: plain, custody: "held" as const }] } : one,
      ),
    };
    expect(await checkApproval(good, twice, NOW)).toEqual({ ok: false, reason: "key-shared" });
    expect(() => principalSetFromJson(JSON.parse(JSON.stringify(twice)))).toThrow(/belongs to `ben` already/);
  });

  it("is of its own payload type", async () => {
    const other = { ...good, payloadType: RESOLUTION_PAYLOAD_TYPE };
    expect(await checkApproval(other, principals(), NOW)).toEqual({ ok: false, reason: "payload-type" });
  });

  it.each([
    ["another version", { version: 2 }],
    ["a reserved field", { reserved: "x" }],
    ["an unknown hash", { hash: "md5" }],
    ["another signature format", { format: "ssh-rsa" }],
  ])("does not count: %s", async (_about, bent) => {
    const sig = sshSign(ben, "approval.v1@witnessops.dev", good.payload, bent);
    const envelope = { ...good, signature: { ...good.signature, sig } };
    expect(await checkApproval(envelope, principals(), NOW)).toEqual({
      ok: false,
      reason: "signature-invalid",
    });
  });
});
