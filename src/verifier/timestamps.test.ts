import { beforeAll, describe, expect, it } from "vitest";
import { codes, failedLayers, layerOf, verify } from "../../test/fixtures/check-bundle.ts";
import {
  extensions,
  keyOf,
  makeAuthority,
  makeCertificate,
  makeTimestamp,
  rootExtensions,
  SERVER_AUTH,
  signerExtensions,
} from "../../test/fixtures/make-timestamp.ts";
import { type SampleBundle, sampleBundle, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { type Stamper, stampBundle, stampEnds } from "../../test/fixtures/stamp-bundle.ts";
import { transplant } from "../../test/fixtures/transplant.ts";
import { toBase64 } from "../format/base64.ts";
import type { Trust } from "./index.ts";
import { parseTrust, type VerifierError } from "./index.ts";
import { renderReport } from "./render-report.ts";

const NOON = Date.parse("2026-11-23T12:00:00.000Z");
const HOUR = 3_600_000;
const one = makeAuthority("one");
const two = makeAuthority("two", { rootKey: keyOf("other"), signerKey: keyOf("other") });
const stampOf =
  (authority: ReturnType<typeof makeAuthority>, at: number, more: object = {}) =>
  (signature: Uint8Array) =>
    makeTimestamp(signature, { signer: authority.signer, at, ...more });
const listed = (name: string, ...certificates: { der: Uint8Array }[]) => ({
  name,
  certificates: certificates.map(({ der }) => toBase64(der)),
});
const trusting = (changes: Partial<Trust> = {}): Trust =>
  sampleTrust({ timeAuthorities: [listed("one", one.root)], ...changes });

let sample: SampleBundle;
let promised: Map<string, Uint8Array>;
beforeAll(async () => {
  const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }];
  sample = await sampleBundle({ steps, conclusion: false });
  promised = await transplant(sample, { run: (document) => void document.requiredLayers.push("time") });
});

const judge = async (
  stamper: Stamper,
  trust: Trust = trusting(),
  files: ReadonlyMap<string, Uint8Array> = promised,
) => {
  const report = await verify(await stampBundle(files, stamper), trust);
  return { ...report, timestamps: layerOf(report, "timestamps") };
};

describe("tokens of a trusted authority", () => {
  it("keep the promise, and bound the run and its steps", async () => {
    const report = await judge({ receipt: stampEnds(stampOf(one, NOON, { accuracySeconds: 1 })) });
    expect([report.verdict, report.reasons]).toEqual(["valid", []]);
    expect(report.timestamps).toMatchObject({ internal: "ok", anchored: "established" });
    const bounded = { bound: "bounded", notAfter: "2026-11-23T12:00:01.000Z" };
    expect(report.runs[0]?.time).toMatchObject(bounded);
    expect(report.steps.map(({ time }) => time)).toEqual([expect.objectContaining(bounded)]);
    expect(renderReport(report)).toContain("bounded: not after 2026-11-23T12:00:01.000Z");
  });

  it("over the closing bound all of the run, those over the opening nothing after it", async () => {
    const opened = stampOf(one, NOON);
    const closed = stampOf(one, NOON + HOUR);
    const receipt = stampEnds((sig, event) => (event === "run-opened" ? opened(sig) : closed(sig)));
    const [run] = (await judge({ receipt })).runs;
    expect(run?.time.notAfter).toBe("2026-11-23T13:00:00.000Z");
    const late = stampEnds((sig, event) => (event === "run-opened" ? closed(sig) : opened(sig)));
    const report = await judge({ receipt: late });
    expect([report.verdict, report.runs[0]?.time.notAfter]).toEqual(["valid", "2026-11-23T12:00:00.000Z"]);
    const opening = await judge(
      { receipt: stampEnds((sig, event) => (event === "run-opened" ? opened(sig) : undefined)) },
      trusting(),
      sample.files,
    );
    expect(opening.runs[0]?.time).toEqual({ claimed: expect.any(String), bound: "host-asserted" });
    expect(opening.steps[0]?.time.bound).toBe("host-asserted");
  });

  it("over the claim bound every receipt", async () => {
    const report = await judge({ claim: (sig) => [stampOf(one, NOON)(sig)] }, trusting(), sample.files);
    expect([report.verdict, report.steps[0]?.time.notAfter]).toEqual(["valid", "2026-11-23T12:00:00.000Z"]);
  });

  it("count one for each authority, as many as the threshold says", async () => {
    const both = trusting({
      timeAuthorities: [listed("one", one.root), listed("two", two.root)],
      timeThreshold: 2,
    });
    const twice = await judge({ receipt: stampEnds(stampOf(one, NOON), stampOf(one, NOON + 1000)) }, both);
    expect([twice.verdict, codes(twice)]).toEqual(["indeterminate", []]);
    expect(twice.reasons.join()).toContain("1 of 2 time-stamps");
    const enough = await judge({ receipt: stampEnds(stampOf(one, NOON), stampOf(two, NOON + HOUR)) }, both);
    expect([enough.verdict, enough.runs[0]?.time.notAfter]).toEqual(["valid", "2026-11-23T13:00:00.000Z"]);
  });
});

describe("authorities that certified one another", () => {
  const cross = makeCertificate({
    subject: "one root",
    key: keyOf("root"),
    by: two.root,
    serial: 21,
    extensions: rootExtensions,
  });
  const again = makeCertificate({
    subject: "two signer",
    key: keyOf("signer"),
    by: two.root,
    serial: 22,
    extensions: signerExtensions,
  });
  const both = trusting({
    timeAuthorities: [listed("one", one.root), listed("two", two.root)],
    timeThreshold: 2,
  });
  const crossed = stampOf(one, NOON, { certificates: [one.signer.der, cross.der] });

  it("are one by a token that leads to both", async () => {
    const report = await judge({ receipt: stampEnds(crossed) }, both);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(report.reasons.join()).toContain("1 of 2 time-stamps");
    expect(report.runs[0]?.time.bound).toBe("host-asserted");
    expect((await judge({ receipt: stampEnds(crossed) })).verdict).toBe("valid");
  });

  it("are one by one key that both certified, in two tokens", async () => {
    const other = (sig: Uint8Array) => makeTimestamp(sig, { signer: again, at: NOON + HOUR });
    const report = await judge({ receipt: stampEnds(stampOf(one, NOON), other) }, both);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
  });

  it("are two where the second stamped with a key of its own", async () => {
    const report = await judge({ receipt: stampEnds(crossed, stampOf(two, NOON + HOUR)) }, both);
    expect([report.verdict, report.runs[0]?.time.notAfter]).toEqual(["valid", "2026-11-23T13:00:00.000Z"]);
  });
});

describe("tokens that do not count", () => {
  it("of an authority that is not listed are said, and leave the promise untested", async () => {
    const report = await judge({ receipt: stampEnds(stampOf(two, NOON)) });
    expect([report.verdict, codes(report), report.runs[0]?.time.bound]).toEqual([
      "indeterminate",
      [],
      "host-asserted",
    ]);
    expect(report.timestamps?.notes.join()).toContain("authority that the trust file does not list");
    const unasked = await judge({ receipt: stampEnds(stampOf(two, NOON)) }, trusting(), sample.files);
    expect(unasked.verdict).toBe("valid");
    expect(unasked.timestamps).toMatchObject({ internal: "ok", anchored: "not-applicable" });
  });

  it("are required by the reviewer alone, and leave the verdict open", async () => {
    const report = await judge({}, trusting({ require: ["time"] }), sample.files);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(report.timestamps).toMatchObject({ internal: "not-present", anchored: "untested" });
  });

  it.each(["run-opened", "run-closed"])("were promised and are absent from `%s`", async (lacking) => {
    const stamp = stampOf(one, NOON);
    const receipt = stampEnds((sig, event) => (event === lacking ? undefined : stamp(sig)));
    const report = await judge({ receipt });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_COMPLETENESS"]]);
  });
});

describe("a fault in a token", () => {
  const forgedRoot = makeAuthority("one", { rootKey: keyOf("other"), signerKey: keyOf("other") });
  const wrong = makeAuthority("one", { signer: { extensions: [extensions.purposes(true, SERVER_AUTH)] } });
  const expired = makeAuthority("one", { signer: { notAfter: "20261123110000Z" } });
  const twin = makeCertificate({
    subject: "t",
    key: keyOf("other"),
    by: one.root,
    signedWith: keyOf("other"),
    serial: 7,
    extensions: signerExtensions,
  });
  it.each<[string, (signature: Uint8Array) => Uint8Array, "internal" | "anchored"]>([
    ["over another signature", () => stampOf(one, NOON)(new Uint8Array(64)), "internal"],
    ["by a certificate for something else", stampOf(wrong, NOON), "internal"],
    ["after its certificate expired", stampOf(expired, NOON), "internal"],
    ["with the key of somebody else", stampOf(one, NOON, { signedWith: keyOf("other") }), "internal"],
    [
      "with a certificate put in its signer's place",
      stampOf(one, NOON, { certificates: [twin.der], signedWith: keyOf("other") }),
      "internal",
    ],
    [
      "with an injected certificate that it names itself",
      (sig) => makeTimestamp(sig, { signer: twin, at: NOON }),
      "anchored",
    ],
    ["by an authority that took a trusted one's name", stampOf(forgedRoot, NOON), "anchored"],
    ["long before what the receipt claims", stampOf(one, NOON - 3 * HOUR), "anchored"],
  ])("%s is invalid", async (_about, make, column) => {
    const report = await judge({ receipt: stampEnds(stampOf(one, NOON), make) });
    expect([report.verdict, codes(report), failedLayers(report)]).toEqual([
      "invalid",
      ["FAILURE_TIMESTAMP_INVALID"],
      ["timestamps"],
    ]);
    expect(report.timestamps?.[column]).toBe("failed");
  });

  it("needs no trust to be found, where it is the token's own", async () => {
    const files = await stampBundle(sample.files, {
      receipt: stampEnds(() => stampOf(one, NOON)(new Uint8Array(64))),
    });
    expect(codes(await verify(files, sampleTrust()))).toEqual(["FAILURE_TIMESTAMP_INVALID"]);
  });

  it("of a trusted authority outside of the time that it is trusted for", async () => {
    const trust = trusting({
      timeAuthorities: [{ ...listed("one", one.root), notAfter: "2026-11-23T11:00:00Z" }],
    });
    expect(codes(await judge({ receipt: stampEnds(stampOf(one, NOON)) }, trust))).toEqual([
      "FAILURE_TIMESTAMP_INVALID",
    ]);
  });

  it("tolerates a clock that is five minutes ahead, and no more", async () => {
    const report = await judge({ claim: (sig) => [stampOf(one, NOON)(sig)] }, trusting(), sample.files);
    const claimed = Date.parse(report.runs[0]?.time.claimed ?? "") + 60_000;
    const at = (minutes: number) => judge({ receipt: stampEnds(stampOf(one, claimed - minutes * 60_000)) });
    expect((await at(5)).verdict).toBe("valid");
    expect(codes(await at(7))).toEqual(["FAILURE_TIMESTAMP_INVALID"]);
  });

  it("of form is malformed: too many, or no base64", async () => {
    const many = await judge({ receipt: stampEnds(...Array(11).fill(stampOf(one, NOON))) });
    expect(codes(many)).toContain("FAILURE_BUNDLE_MALFORMED");
  });
});

describe("time authorities of a trust file", () => {
  const refusal = (changes: Partial<Trust>): string => {
    try {
      parseTrust(JSON.stringify(sampleTrust(changes)));
      return "accepted";
    } catch (error) {
      return (error as VerifierError).message;
    }
  };

  it("are certificates of authorities, each once, and as many as are needed", () => {
    expect(refusal({ timeAuthorities: [listed("one", one.root), listed("two", two.root, two.signer)] })).toBe(
      "accepted",
    );
    expect(refusal({ timeAuthorities: [listed("one", one.signer)] })).toContain(
      "none of them is a certificate authority's",
    );
    expect(refusal({ timeAuthorities: [{ name: "one", certificates: ["AAAA"] }] })).toContain(
      "no certificate",
    );
    expect(refusal({ timeAuthorities: [listed("one", one.root), listed("one", two.root)] })).toContain(
      "occurs twice",
    );
    expect(refusal({ timeAuthorities: [listed("one", one.root), listed("two", one.root)] })).toContain(
      "occurs twice",
    );
    expect(refusal({ timeAuthorities: [listed("one", one.root)], timeThreshold: 2 })).toContain(
      "only 1 authorities",
    );
  });
});
