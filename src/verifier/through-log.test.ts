import { beforeAll, describe, expect, it } from "vitest";
import { bytesOf, codes, layerOf, stepOf, textOf, verify } from "../../test/fixtures/check-bundle.ts";
import { forge, withBadSignature } from "../../test/fixtures/forge-bundle.ts";
import {
  type SampleBundle,
  type SampleOptions,
  sampleBundle,
  sampleLogKey,
  sampleTrust,
} from "../../test/fixtures/sample-bundle.ts";

const RECEIPTS = "receipts/receipts.ndjson";
const UNCHECKED = "not individually signature-checked";
const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }];
const options: SampleOptions = { steps, conclusion: false };
const trust = sampleTrust({ logs: [{ key: sampleLogKey() }] });
const throughLog = { throughLog: true };
let logged: SampleBundle;
let plain: SampleBundle;
beforeAll(async () => {
  logged = await sampleBundle({ ...options, log: true });
  plain = await sampleBundle(options);
}, 60_000);

/** The bundle with a broken signature on the first receipt of a kind of stream. */
function broken(sample: SampleBundle, stream: string): Promise<Map<string, Uint8Array>> {
  return forge(sample, {
    files(files) {
      const lines = textOf(files.get(RECEIPTS)).split(/(?<=\n)/);
      const at = lines.findIndex((line) => {
        const { payload } = JSON.parse(line).dsseEnvelope;
        return JSON.parse(atob(payload)).predicate.ledger.stream.startsWith(stream);
      });
      lines[at] = `${withBadSignature((lines[at] ?? "").trimEnd())}\n`;
      files.set(RECEIPTS, bytesOf(lines.join("")));
    },
  });
}

describe("receipts checked through the log", () => {
  it("are labelled, and the verdict is at best indeterminate", async () => {
    const report = await verify(logged.files, trust, throughLog);
    expect(report.verdict).toBe("indeterminate");
    expect(report.reasons).toEqual([expect.stringContaining("are not individually signature-checked")]);
    expect(layerOf(report, "log")).toMatchObject({ internal: "ok", anchored: "established" });
    expect(layerOf(report, "signatures")).toMatchObject({ internal: "indeterminate", anchored: "untested" });
    expect(stepOf(report, "hello")).toMatchObject({ missing: [], proofClass: "operational-input" });
    expect(stepOf(report, "hello")?.reasons).toContain(UNCHECKED);
  });

  it("are not so unless asked", async () => {
    const report = await verify(logged.files, trust);
    expect(report.verdict).toBe("valid");
    expect(JSON.stringify(report)).not.toContain(UNCHECKED);
  });

  it("hide a signature that does not verify, which is why it is no verdict", async () => {
    for (const stream of ["run:", "engagement:"]) {
      const files = await broken(logged, stream);
      expect((await verify(files, trust)).verdict).toBe("invalid");
      const report = await verify(files, trust, throughLog);
      expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    }
  });

  it("are not those of the workspace's stream: who may sign is checked one by one", async () => {
    const report = await verify(await broken(logged, "workspace"), trust, throughLog);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_SIGNATURE_INVALID"]]);
  });

  it("are checked one by one where no log stands for them", async () => {
    const whole = await verify(plain.files, sampleTrust(), throughLog);
    expect([whole.verdict, JSON.stringify(whole).includes(UNCHECKED)]).toEqual(["valid", false]);
    const report = await verify(await broken(plain, "run:"), sampleTrust(), throughLog);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_SIGNATURE_INVALID"]]);
    const torn = await forge(logged, { files: (files) => void files.delete("log/index.json") });
    expect(JSON.stringify(await verify(torn, trust, throughLog))).not.toContain(UNCHECKED);
  });
});
