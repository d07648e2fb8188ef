// An approval in each form that people sign: through a real run, its bundle, and the trust of a reviewer who knows the
// key, another key, or the passkey of another site.
import { describe, expect, it } from "vitest";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import type { Envelope } from "../src/format/dsse.ts";
import type { KeyEntry } from "../src/format/principal-key.ts";
import { publicKeyText } from "../src/format/public-key.ts";
import { sshPublicKeyText } from "../src/format/ssh-public-key.ts";
import {
  APPROVAL_PAYLOAD_TYPE,
  CONCLUSION_PAYLOAD_TYPE,
  RESOLUTION_PAYLOAD_TYPE,
} from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { recordConclusion } from "../src/run/record-conclusion.ts";
import { resolveStep } from "../src/run/resolve-step.ts";
import { viewRun } from "../src/run/view-run.ts";
import type { Trust } from "../src/verifier/index.ts";
import { codes, stepOf, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, noopAdapter } from "./fixtures/contracts.ts";
import { openTestLane, signApproval, type TestLane } from "./fixtures/lane.ts";
import { newAuthenticator, passkeyEnvelope } from "./fixtures/passkey.ts";
import { exported, start, VALID, verdict } from "./fixtures/real-run.ts";
import { newSshKey, sshEnvelope } from "./fixtures/ssh-signer.ts";

const authority = { roles: ["operator" as const], approval: "designated" as const };
const contract = exampleContract({ effect: "intrusive", authority });

function statement(actionDigest: string) {
  return {
    purpose: "witnessops/approval/v1",
    decision: "approve",
    actionDigest,
    principal: "anna",
    notAfter: new Date(Date.now() + 3_600_000).toISOString(),
    nonce: "ab".repeat(16),
  };
}

async function paused(approverKey: KeyEntry): Promise<{ test: TestLane; run: string; digest: string }> {
  const test = await openTestLane({ adapters: [noopAdapter], contracts: [contract], approverKey });
  const run = await start(test);
  await advance(test.lane, run);
  const digest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
  return { test, run, digest };
}

const ssh = newSshKey();
const other = newSshKey();
const device = newAuthenticator();
const { key, ...where } = device.passkey;
const forms: [string, KeyEntry, (digest: string) => Envelope][] = [
  [
    "an SSH key",
    { publicKey: sshPublicKeyText(ssh.key) },
    (digest) => sshEnvelope(ssh, APPROVAL_PAYLOAD_TYPE, statement(digest)),
  ],
  [
    "a passkey",
    { publicKey: publicKeyText(key), passkey: where },
    (digest) => passkeyEnvelope(device, APPROVAL_PAYLOAD_TYPE, statement(digest)),
  ],
];

function withKey(trust: Trust, entry: KeyEntry): Trust {
  const copy = structuredClone(trust);
  const anna = copy.principals.find(({ id }) => id === "anna");
  if (anna === undefined) throw new TypeError("no anna");
  anna.keys = [{ ...structuredClone(entry), custody: "held" } as never];
  return copy;
}

describe.each(forms)("an approval with %s", (_form, approverKey, sign) => {
  it("lets the call go, and the verifier agrees by the reviewer's keys only", async () => {
    const { test, run, digest } = await paused(approverKey);
    try {
      // Every key that the server holds, its issuer key among them, makes no approval.
      for (const signer of [test.lane.signer, test.people.operator, test.people.owner]) {
        const forged = await signApproval(signer, { principal: "anna", actionDigest: digest });
        await expect(recordApproval(test.lane, run, forged)).rejects.toThrow(/the approval is refused/);
      }
      await recordApproval(test.lane, run, sign(digest));
      const state = await advance(test.lane, run);
      expect(state.closed).toBeDefined();
      const files = await exported(test.lane, [run]);
      const report = await verify(files, test.trust);
      expect(verdict(report)).toEqual(VALID);
      expect(stepOf(report, "step-1")).toMatchObject({ outcome: "executed", proofClass: "strong-proof" });

      const stranger = withKey(test.trust, { publicKey: sshPublicKeyText(other.key) });
      const refused = await verify(files, stranger);
      expect([refused.verdict, codes(refused)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
    } finally {
      test.close();
    }
  });

  it("for another action is refused, and so is a byte more", async () => {
    const { test, run, digest } = await paused(approverKey);
    try {
      const elsewhere = sign(`sha256:${"0".repeat(64)}`);
      await expect(recordApproval(test.lane, run, elsewhere)).rejects.toThrow(/nothing in run/);
      const good = sign(digest);
      const longer = Uint8Array.of(...good.signature.sig, 0);
      const bent = { ...good, signature: { ...good.signature, sig: longer } };
      await expect(recordApproval(test.lane, run, bent)).rejects.toThrow(/signature-invalid/);
    } finally {
      test.close();
    }
  });
});

describe("a conclusion with an SSH key", () => {
  it("stands by the reviewer's keys, and not by another", async () => {
    const { test, run, digest } = await paused({ publicKey: sshPublicKeyText(ssh.key) });
    try {
      await recordApproval(test.lane, run, sshEnvelope(ssh, APPROVAL_PAYLOAD_TYPE, statement(digest)));
      await advance(test.lane, run);
      const receipt = test.lane.store.receipts(`run:${run}`).at(-1)?.digest;
      const concluded = {
        purpose: "witnessops/conclusion/v1",
        run,
        label: "inferred",
        statement: "the host greets everybody",
        confidence: "high",
        cites: [{ receipt }],
        principal: "anna",
        signedAt: new Date().toISOString(),
      };
      await recordConclusion(test.lane, run, sshEnvelope(ssh, CONCLUSION_PAYLOAD_TYPE, concluded));
      const files = await exported(test.lane, [run]);
      const report = await verify(files, test.trust);
      expect([...verdict(report), report.inferred[0]?.supported]).toEqual([...VALID, true]);
      const stranger = await verify(files, withKey(test.trust, { publicKey: sshPublicKeyText(other.key) }));
      expect(codes(stranger)).toContain("FAILURE_SIGNATURE_INVALID");
    } finally {
      test.close();
    }
  });
});

describe("a passkey", () => {
  it("of another site, by the reviewer's trust file, approved nothing", async () => {
    const { test, run, digest } = await paused({ publicKey: publicKeyText(key), passkey: where });
    try {
      await recordApproval(test.lane, run, passkeyEnvelope(device, APPROVAL_PAYLOAD_TYPE, statement(digest)));
      await advance(test.lane, run);
      const files = await exported(test.lane, [run]);
      for (const changed of [
        { rpId: "example.test" },
        { origins: ["https://evil.test"] },
        { credentialId: "AAAAAAAAAAAAAAAA" },
      ]) {
        const trust = withKey(test.trust, {
          publicKey: publicKeyText(key),
          passkey: { ...where, ...changed },
        });
        const report = await verify(files, trust);
        expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
      }
      // Listed as a plain key it made no signature of that form.
      const plain = await verify(files, withKey(test.trust, { publicKey: publicKeyText(key) }));
      expect(plain.verdict).toBe("invalid");
    } finally {
      test.close();
    }
  });

  it("settles no doubt: it serves decisions only", async () => {
    const { test, run, digest } = await paused({ publicKey: publicKeyText(key), passkey: where });
    try {
      const resolution = {
        purpose: "witnessops/resolution/v1",
        finding: "executed",
        invocation: `${run}/step-1`,
        attempt: 1,
        actionDigest: digest,
        principal: "anna",
        reason: "it is there",
        signedAt: new Date().toISOString(),
        nonce: "cd".repeat(16),
      };
      const signed = passkeyEnvelope(device, RESOLUTION_PAYLOAD_TYPE, resolution);
      expect(signed.payload).toEqual(canonicalBytes(resolution));
      await expect(resolveStep(test.lane, run, signed)).rejects.toThrow(/signature-invalid/);
    } finally {
      test.close();
    }
  });
});
