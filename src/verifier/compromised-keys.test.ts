import { beforeAll, describe, expect, it } from "vitest";
import { nextIssuer, nextLane, revoke, signAfterEnd } from "../../test/fixtures/key-history.ts";
import {
  type SampleBundle,
  sampleBundle,
  sampleKeys,
  sampleTrust,
} from "../../test/fixtures/sample-bundle.ts";
import type { Trust } from "../contract/trust.ts";
import type { Digest } from "../format/digest.ts";
import { sshPublicKeyOf } from "../format/ssh-public-key.ts";
import { anchorOf } from "./anchor.ts";
import { type Bundle, openBundle } from "./bundle.ts";
import { memoryBundle } from "./bundle-source.ts";
import { claimedRuns } from "./claimed-runs.ts";
import { defaultLimits } from "./limits.ts";
import { checkSignatures } from "./signatures.ts";
import type { TimeBounds } from "./time-bounds.ts";

const SINCE = "2026-11-23T10:00:30.000Z";
const since = Date.parse(SINCE);
const before: TimeBounds = { notBefore: undefined, notAfter: since - 1 };
const after: TimeBounds = { notBefore: since, notAfter: undefined };
const open: TimeBounds = { notBefore: since - 1, notAfter: since };

/** The layer, with bounds as a timestamp or a log would give them. */
async function judge(bundle: Bundle, trust: Trust | undefined, boundsOf: (digest: Digest) => TimeBounds) {
  const { layer } = await checkSignatures(bundle, anchorOf(trust), claimedRuns(bundle), boundsOf);
  return {
    internal: layer.internal,
    anchored: layer.anchored,
    codes: layer.failures.map(({ code }) => code),
    layer,
  };
}
const opened = ({ files }: SampleBundle) => openBundle(memoryBundle(files), defaultLimits);
const lost = (keyId: string) => sampleTrust({ compromised: [{ keyId, since: SINCE }] });
const { issuer, root, olga, anna } = sampleKeys;

describe("a key that the trust file says is compromised", () => {
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = await opened(await sampleBundle());
  });

  it("counts where everything is bounded before", async () => {
    for (const key of [issuer, root, olga, anna])
      expect(await judge(bundle, lost(key.publicKey.keyId), () => before)).toMatchObject({
        internal: "ok",
        anchored: "established",
        codes: [],
      });
  });

  it("is invalid where something is bounded after, and untested where nothing is known", async () => {
    for (const key of [issuer, root, olga, anna]) {
      const later = await judge(bundle, lost(key.publicKey.keyId), () => after);
      expect([later.internal, later.anchored]).toEqual(["ok", "failed"]);
      expect(new Set(later.codes)).toEqual(new Set(["FAILURE_SIGNATURE_INVALID"]));
      for (const bounds of [open, { notBefore: undefined, notAfter: undefined }]) {
        const unknown = await judge(bundle, lost(key.publicKey.keyId), () => bounds);
        expect([unknown.internal, unknown.anchored, unknown.codes]).toEqual(["ok", "untested", []]);
      }
    }
  });

  it("is judged receipt by receipt", async () => {
    const [first, ...others] = bundle.receipts;
    const mixed = await judge(bundle, lost(issuer.publicKey.keyId), (digest) =>
      digest === first?.digest ? after : before,
    );
    expect(mixed.layer.failures).toEqual([
      expect.objectContaining({ code: "FAILURE_SIGNATURE_INVALID", receipt: first?.digest }),
    ]);
    expect(others.length).toBeGreaterThan(10);
  });

  it("is judged by the receipt that records what a person signed", async () => {
    const approvals = bundle.receipts.filter(({ predicate }) => predicate.event === "approval-recorded");
    const late = await judge(bundle, lost(anna.publicKey.keyId), (digest) =>
      digest === approvals[0]?.digest ? after : before,
    );
    expect(late.layer.failures.map(({ receipt }) => receipt)).toEqual([approvals[0]?.digest]);
  });

  it("is meant in whichever form it is written", async () => {
    const asSsh = sshPublicKeyOf(anna.publicKey).keyId;
    expect((await judge(bundle, lost(asSsh), () => after)).anchored).toBe("failed");
  });

  it("is no other key", async () => {
    expect((await judge(bundle, lost(nextIssuer.publicKey.keyId), () => after)).anchored).toBe("established");
  });

  it("counts from the earliest instant that is named", async () => {
    const { keyId } = issuer.publicKey;
    const twice = [
      { keyId, since: "2026-11-24T00:00:00Z" },
      { keyId, since: SINCE },
    ];
    for (const compromised of [twice, [...twice].reverse()])
      expect((await judge(bundle, sampleTrust({ compromised }), () => after)).anchored).toBe("failed");
  });
});

describe("a key that the workspace's own receipts revoke", () => {
  const revoked = (by: "owner" | "root", key = issuer) =>
    sampleBundle({
      before: async (lane) => {
        const next = await nextLane(lane, root);
        await revoke(next, key, SINCE, by === "root" ? root : olga, by === "root" ? null : "olga");
        return next;
      },
    });

  it.each(["owner", "root"] as const)(
    "is judged by its bounds, by the %s's word and without any trust",
    async (by) => {
      const bundle = await opened(await revoked(by));
      for (const trust of [sampleTrust(), undefined]) {
        expect((await judge(bundle, trust, () => before)).internal).toBe("ok");
        expect((await judge(bundle, trust, () => open)).internal).toBe("indeterminate");
        const later = await judge(bundle, trust, () => after);
        expect(later.internal).toBe("failed");
        expect(new Set(later.codes)).toEqual(new Set(["FAILURE_SIGNATURE_INVALID"]));
      }
    },
  );

  it("is left untested where the trust file does not list the owner", async () => {
    const bundle = await opened(await revoked("owner"));
    const trust = sampleTrust();
    const principals = trust.principals.filter(({ id }) => id !== "olga");
    expect(await judge(bundle, { ...trust, principals }, () => before)).toMatchObject({
      internal: "ok",
      anchored: "untested",
    });
  });

  it("is invalid where the trust file lists the owner with another key", async () => {
    const bundle = await opened(await revoked("owner"));
    const trust = sampleTrust();
    const principals = trust.principals.map((one) =>
      one.id === "olga" ? { ...one, keys: trust.principals[0]?.keys ?? [] } : one,
    );
    const rest = principals.filter(({ id }) => id === "olga" || id === "otto");
    expect((await judge(bundle, { ...trust, principals: rest }, () => before)).anchored).toBe("failed");
  });
});

describe("a revocation by a key that may have been in other hands itself", () => {
  type Lane = Parameters<NonNullable<Parameters<typeof sampleBundle>[0]>["before"] & {}>[0];
  const THEN = "2026-11-23T10:00:00.000Z";
  const revocations = (...make: readonly ((lane: Lane) => Promise<void>)[]) =>
    sampleBundle({
      before: (lane) => nextLane(lane, root),
      after: async (lane) => {
        for (const one of make) await one(lane);
        await signAfterEnd(lane, issuer);
      },
    });
  const byOlga = (lane: Lane) => revoke(lane, issuer, THEN, olga);
  const ofOlga = (lane: Lane) => revoke(lane, olga, SINCE, root, null);
  const last = ({ receipts }: Bundle) =>
    receipts.findLast(({ predicate }) => predicate.event === "key-revoked");

  it("turns nothing invalid, by the trust file's word", async () => {
    const bundle = await opened(await revocations(byOlga));
    expect((await judge(bundle, sampleTrust(), () => before)).codes).toEqual(["FAILURE_SIGNATURE_INVALID"]);
    const unknown = await judge(bundle, lost(olga.publicKey.keyId), () => open);
    expect([unknown.internal, unknown.anchored, unknown.codes]).toEqual(["ok", "untested", []]);
    const revoked = last(bundle)?.digest;
    const later = await judge(bundle, lost(olga.publicKey.keyId), (one) =>
      one === revoked ? after : before,
    );
    expect(later.layer.failures.map(({ receipt }) => receipt)).toEqual([revoked]);
  });

  it("stays when it is bounded before", async () => {
    const bundle = await opened(await revocations(byOlga));
    const judged = await judge(bundle, lost(olga.publicKey.keyId), () => before);
    expect(judged.layer.failures.map(({ message }) => message)).toEqual([
      "a receipt is by a key that was revoked",
    ]);
  });

  it("is open where its key was revoked later, and no receipt is judged by it", async () => {
    const bundle = await opened(await revocations(byOlga, ofOlga));
    for (const trust of [sampleTrust(), undefined])
      expect(await judge(bundle, trust, () => open)).toMatchObject({ internal: "indeterminate", codes: [] });
  });

  it("is invalid where its key was revoked before, and a key says of itself that it is lost", async () => {
    const bundle = await opened(await revocations(ofOlga, byOlga));
    const judged = await judge(bundle, sampleTrust(), () => before);
    expect(judged.layer.failures.map(({ receipt }) => receipt)).toEqual([last(bundle)?.digest]);
    const itself = await opened(await revocations((lane) => revoke(lane, olga, SINCE, olga)));
    expect((await judge(itself, sampleTrust(), () => before)).internal).toBe("ok");
    expect((await judge(itself, sampleTrust(), () => after)).internal).toBe("failed");
  });

  it("does not silence the one whose key it names: which of them is the thief is not known", async () => {
    const bundle = await opened(
      await revocations(
        (lane) => revoke(lane, root, SINCE, olga),
        (lane) => revoke(lane, olga, SINCE, root, null),
      ),
    );
    const byTrust = await judge(bundle, lost(olga.publicKey.keyId), () => open);
    expect([byTrust.codes, byTrust.internal]).toEqual([[], "indeterminate"]);
  });
});
