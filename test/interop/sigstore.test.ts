// A verifier that is not ours, Sigstore's own for JavaScript, judges the signatures of a bundle that the governed path
// made and exported.
import { createPublicKey } from "node:crypto";
import { bundleFromJSON, type SerializedBundle } from "@sigstore/bundle";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { beforeAll, describe, expect, it } from "vitest";
import { CLAIM_PATH, RECEIPTS_PATH } from "../../src/contract/proof-bundle.ts";
import { fromBase64, toBase64 } from "../../src/format/base64.ts";
import type { PublicKey } from "../../src/format/public-key.ts";
import { p256FromName } from "../fixtures/key-history.ts";
import { sampleBundle, sampleKeys } from "../fixtures/sample-bundle.ts";

const decoder = new TextDecoder();

/** Every signed statement of the bundle, by what it is: the claim, and each receipt with its event. */
let statements: [string, SerializedBundle][];

beforeAll(async () => {
  const { files } = await sampleBundle();
  const text = (path: string): string => decoder.decode(files.get(path));
  const lines = text(RECEIPTS_PATH).trimEnd().split("\n");
  statements = [text(CLAIM_PATH), ...lines].map((line) => {
    const bundle = JSON.parse(line) as SerializedBundle;
    const { predicate } = JSON.parse(decoder.decode(payloadOf(bundle)));
    return [predicate.event ?? "claim", bundle];
  });
});

describe("@sigstore/verify", () => {
  it("accepts the claim and every receipt", () => {
    expect(statements.map(([event]) => event)).toEqual(
      expect.arrayContaining(["claim", "workspace-created", "step-executed", "step-denied", "run-closed"]),
    );
    for (const [event, bundle] of statements) expect([event, judge(bundle)]).toEqual([event, "accepted"]);
  });

  it("refuses each of them with a changed payload", () => {
    for (const [event, bundle] of statements) {
      const changed = structuredClone(bundle);
      const payload = payloadOf(bundle);
      payload[payload.length - 10] = (payload[payload.length - 10] ?? 0) ^ 1;
      Object.assign(changed.dsseEnvelope ?? {}, { payload: toBase64(payload) });
      expect([event, judge(changed)]).toEqual([event, "SIGNATURE_ERROR"]);
    }
  });

  it("refuses each of them with a changed signature", () => {
    for (const [event, bundle] of statements) {
      const changed = structuredClone(bundle);
      const [signature] = changed.dsseEnvelope?.signatures ?? [];
      const sig = fromBase64(signature?.sig ?? "");
      sig[0] = (sig[0] ?? 0) ^ 1;
      Object.assign(signature ?? {}, { sig: toBase64(sig) });
      expect([event, judge(changed)]).toEqual([event, "SIGNATURE_ERROR"]);
    }
  });

  it("refuses each of them as another payload type", () => {
    for (const [event, bundle] of statements) {
      const changed = structuredClone(bundle);
      Object.assign(changed.dsseEnvelope ?? {}, { payloadType: "application/json" });
      expect([event, judge(changed)]).toEqual([event, "SIGNATURE_ERROR"]);
    }
  });

  it("refuses each of them under another key, and under a key that it was not given", () => {
    const { keyId } = sampleKeys.issuer.publicKey;
    for (const [event, bundle] of statements) {
      expect([event, judge(bundle, { [keyId]: sampleKeys.mallory.publicKey })]).toEqual([
        event,
        "SIGNATURE_ERROR",
      ]);
      expect([event, judge(bundle, {})]).toEqual([event, "PUBLIC_KEY_ERROR"]);
    }
  });
});

const issuer: Readonly<Record<string, PublicKey>> = {
  [sampleKeys.issuer.publicKey.keyId]: sampleKeys.issuer.publicKey,
};

/** `accepted`, or the code of the error that the verifier refuses with. */
function judge(bundle: SerializedBundle, keys = issuer): string {
  const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const material = toTrustMaterial({ mediaType: "", ...none }, (hint) => {
    const key = keys[hint];
    if (key === undefined) throw Object.assign(new Error(`no key ${hint}`), { code: "PUBLIC_KEY_ERROR" });
    const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" });
    return { publicKey, validFor: () => true };
  });
  const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)));
    return "accepted";
  } catch (error) {
    return String(Reflect.get(error as Error, "code"));
  }
}

function payloadOf(bundle: SerializedBundle): Uint8Array {
  return fromBase64(bundle.dsseEnvelope?.payload ?? "");
}

describe("@sigstore/verify on P-256", () => {
  it("accepts the claim and every receipt of an issuer key on P-256, and refuses each with a changed payload", async () => {
    const onP256 = p256FromName("issuer");
    const { files } = await sampleBundle({ keys: { root: p256FromName("root"), issuer: onP256 } });
    const lines = decoder.decode(files.get(RECEIPTS_PATH)).trimEnd().split("\n");
    const all = [decoder.decode(files.get(CLAIM_PATH)), ...lines].map(
      (one) => JSON.parse(one) as SerializedBundle,
    );
    expect(all.length).toBeGreaterThan(10);
    const keys = { [onP256.publicKey.keyId]: onP256.publicKey };
    for (const bundle of all) {
      expect(judge(bundle, keys)).toBe("accepted");
      const payload = payloadOf(bundle);
      payload[payload.length - 10] = (payload[payload.length - 10] ?? 0) ^ 1;
      const changed = structuredClone(bundle);
      Object.assign(changed.dsseEnvelope ?? {}, { payload: toBase64(payload) });
      expect(judge(changed, keys)).toBe("SIGNATURE_ERROR");
    }
  });
});
