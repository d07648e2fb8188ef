import { describe, expect, it } from "vitest";
import type { Trust } from "../src/contract/trust.ts";
import { publicKeyText } from "../src/format/public-key.ts";
import { recordFreeze } from "../src/run/record-governance.ts";
import { recordKeyRetired } from "../src/run/record-keys.ts";
import { memoryBundle } from "../src/verifier/bundle-source.ts";
import { verifyBundle } from "../src/verifier/verify-bundle.ts";
import { nextIssuer, nextLane, nextRoot, retire, rotateRoot, signAfterEnd } from "./fixtures/key-history.ts";
import { type SampleOptions, sampleBundle, sampleKeys, sampleTrust } from "./fixtures/sample-bundle.ts";

const { root, issuer, mallory } = sampleKeys;

async function layerOf(
  before: SampleOptions["before"],
  trust: Trust = sampleTrust(),
  more: SampleOptions = {},
) {
  const { files } = await sampleBundle({ ...more, ...(before === undefined ? {} : { before }) });
  const report = await verifyBundle(memoryBundle(files), trust);
  const layer = report.layers.find((one) => one.layer === "signatures");
  return {
    verdict: report.verdict,
    internal: layer?.internal,
    anchored: layer?.anchored,
    failures: layer?.failures,
  };
}
const trusting = (...roots: (typeof root)[]) =>
  sampleTrust({
    issuerRoots: roots.map((one, n) => ({ name: `root ${n}`, publicKey: publicKeyText(one.publicKey) })),
  });
const rotated: SampleOptions["before"] = async (lane) => {
  await rotateRoot(lane, root);
  const next = await nextLane(lane, nextRoot);
  await retire(next, issuer);
  return next;
};

describe("issuer roots that follow one another", () => {
  it("are followed from a root that the reviewer trusts, in the workspace's order", async () => {
    expect(await layerOf(rotated)).toMatchObject({
      verdict: "valid",
      internal: "ok",
      anchored: "established",
    });
    expect(await layerOf(rotated, trusting(root, nextRoot))).toMatchObject({ verdict: "valid" });
  });

  it("are never followed backwards", async () => {
    expect(await layerOf(rotated, trusting(nextRoot))).toMatchObject({
      verdict: "indeterminate",
      internal: "ok",
      anchored: "untested",
    });
  });

  it("do not follow from a root whose validity had ended", async () => {
    const trust = trusting(root);
    const short = trust.issuerRoots.map((one) => ({ ...one, notAfter: "2026-11-23T09:30:00Z" }));
    expect(await layerOf(rotated, { ...trust, issuerRoots: short })).toMatchObject({
      verdict: "invalid",
      anchored: "failed",
    });
  });

  it("certify what they certified before they ended, and a second successor never", async () => {
    const twice: SampleOptions["before"] = async (lane) => {
      await rotateRoot(lane, root);
      await rotateRoot(lane, root);
      return lane;
    };
    const found = await layerOf(twice);
    expect([found.verdict, found.internal]).toEqual(["invalid", "failed"]);
    expect(found.failures).toEqual([
      expect.objectContaining({
        code: "FAILURE_SIGNATURE_INVALID",
        message: "a root was certified by one that had ended before",
      }),
    ]);
  });

  it("do not follow from a stranger", async () => {
    const found = await layerOf(async (lane) => {
      await rotateRoot(lane, mallory);
      return nextLane(lane, nextRoot);
    });
    expect([found.verdict, found.internal, found.anchored]).toEqual([
      "indeterminate",
      "indeterminate",
      "untested",
    ]);
  });
});

describe("an issuer key that was retired", () => {
  it("signs nothing more, in no stream", async () => {
    const thief = await layerOf(
      async (lane) => {
        const next = await nextLane(lane, root);
        await retire(next, issuer);
        return next;
      },
      sampleTrust(),
      { after: (lane) => signAfterEnd(lane, issuer) },
    );
    expect([thief.verdict, thief.internal]).toEqual(["invalid", "failed"]);
    // The key that drives a run is ended by another process, which the host does not heed.
    const ignored = await layerOf(async (lane) => {
      const next = await nextLane(lane, root);
      await recordKeyRetired(next, "olga", issuer.publicKey.keyId);
      for (let second = 0; second < 20; second++) lane.clock();
      const status = (subject: string) =>
        subject.startsWith("key:") ? undefined : next.store.status(subject);
      return { ...lane, store: Object.assign(Object.create(lane.store), { status }), tails: new Map() };
    });
    expect([ignored.verdict, ignored.internal]).toEqual(["invalid", "failed"]);
    expect(ignored.failures?.[0]?.message).toContain("retired before");
  });

  it("is refused by the process that holds it", async () => {
    await sampleBundle({
      before: async (lane) => {
        const next = await nextLane(lane, root);
        await recordKeyRetired(next, "olga", nextIssuer.publicKey.keyId);
        await expect(recordFreeze(next, "olga", "on", "maintenance")).rejects.toThrow(
          expect.objectContaining({ code: "KEY_ENDED" }),
        );
        return lane;
      },
    });
  });
});
