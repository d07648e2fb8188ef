import { beforeAll, describe, expect, it } from "vitest";
import { bytesOf, textOf } from "../../test/fixtures/check-bundle.ts";
import { withBadSignature } from "../../test/fixtures/forge-bundle.ts";
import { makeAuthority, makeTimestamp } from "../../test/fixtures/make-timestamp.ts";
import { sampleBundle, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { fromBase64, toBase64 } from "../format/base64.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { verifyReceipt } from "./index.ts";

let line: string;
let certificate: Uint8Array;
beforeAll(async () => {
  const { files } = await sampleBundle({ conclusion: false });
  line = textOf(files.get(RECEIPTS_PATH)).split("\n")[6] ?? "";
  const path = [...files.keys()].find((name) => name.startsWith("definitions/key-certificate/"));
  certificate = files.get(path ?? "") ?? new Uint8Array();
});

describe("verifyReceipt", () => {
  it("connects a receipt to a trusted root by its certificate, and says what it cannot show", async () => {
    const report = await verifyReceipt(bytesOf(`${line}\n`), sampleTrust(), [certificate]);
    expect(report).toMatchObject({ verdict: "valid", failures: [], event: expect.any(String) });
    expect(report.notShown.length).toBeGreaterThan(0);
  });

  it("is indeterminate without trust, without certificate, or with another root", async () => {
    for (const [trust, certificates] of [
      [undefined, [certificate]],
      [sampleTrust(), []],
      [sampleTrust({ issuerRoots: [] }), [certificate]],
    ] as const) {
      expect((await verifyReceipt(bytesOf(line), trust, certificates)).verdict).toBe("indeterminate");
    }
  });

  it("is invalid when the signature of a certified key does not verify", async () => {
    const report = await verifyReceipt(bytesOf(withBadSignature(line)), sampleTrust(), [certificate]);
    expect([report.verdict, report.failures[0]?.code]).toEqual(["invalid", "FAILURE_SIGNATURE_INVALID"]);
  });

  it("is bounded by a token of a trusted authority, and invalid with one that does not hold", async () => {
    const { root, signer } = makeAuthority("one");
    const at = Date.parse("2026-11-23T12:00:00.000Z");
    const trust = sampleTrust({ timeAuthorities: [{ name: "one", certificates: [toBase64(root.der)] }] });
    const stamped = (signature?: Uint8Array) => {
      const bundle = JSON.parse(line);
      const sig = signature ?? fromBase64(bundle.dsseEnvelope.signatures[0].sig);
      const token = { signedTimestamp: toBase64(makeTimestamp(sig, { signer, at })) };
      bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [token];
      return bytesOf(canonicalJson(bundle));
    };
    const bounded = { bound: "bounded", notAfter: "2026-11-23T12:00:00.000Z" };
    expect(await verifyReceipt(stamped(), trust, [certificate])).toMatchObject({
      verdict: "valid",
      time: bounded,
    });
    const unlisted = await verifyReceipt(stamped(), sampleTrust(), [certificate]);
    expect(unlisted).toMatchObject({ verdict: "valid", time: { bound: "host-asserted" } });
    const wrong = await verifyReceipt(stamped(new Uint8Array(64)), trust, [certificate]);
    expect([wrong.verdict, wrong.failures[0]?.code]).toEqual(["invalid", "FAILURE_TIMESTAMP_INVALID"]);
  });

  it("is invalid when it is not canonical or not of the form", async () => {
    for (const text of [` ${line}`, "{}", "[]", "hello", line.replace("v0.3+json", "v0.4+json")]) {
      expect((await verifyReceipt(bytesOf(text), sampleTrust(), [certificate])).verdict).toBe("invalid");
    }
  });
});
