// Times that a server with every issuer key puts where they suit it: calls that began, by their receipts, when what
// allowed them had ended. The host's clock stays its own word; its receipts may not contradict one another.
import { describe, expect, it } from "vitest";
import type { ReceiptPredicate } from "../src/contract/receipt-predicate.ts";
import { utcFromMillis } from "../src/format/time.ts";
import type { Report } from "../src/verifier/index.ts";
import { codes, verify } from "./fixtures/check-bundle.ts";
import { forge, readDrafts } from "./fixtures/forge-bundle.ts";
import { type SampleBundle, type SampleOptions, sampleBundle } from "./fixtures/sample-bundle.ts";

const host = { host: "inputs.host" };
const hello = { id: "hello", uses: "example.noop@1.0.0", with: host };
const probe = { id: "probe", uses: "example.probe@1.0.0", with: host };
const END = Date.parse("2026-11-23T10:02:00.000Z");
const closing = { window: { notBefore: "2026-11-01T00:00:00Z", notAfter: utcFromMillis(END) } };
const MINUTE = 60_000;

const made = (step: object, more: SampleOptions = {}): Promise<SampleBundle> =>
  sampleBundle({ ...more, steps: [step] as never, conclusion: false });

/** The run with all receipts from an event on moved to later times, and their attempts with them or not. */
async function later(
  sample: SampleBundle,
  from: ReceiptPredicate["event"],
  millis: number,
  withAttempts: boolean,
): Promise<Report> {
  expect((await verify(sample.files)).verdict).toBe("valid");
  const first = readDrafts(sample.files).find(({ predicate }) => predicate.event === from);
  const since = first?.predicate.time.claimedUtc ?? "";
  const moved = (utc: string): string => utcFromMillis(Date.parse(utc) + millis);
  const files = await forge(sample, {
    receipt: ({ predicate }) => {
      const { time, invocation } = predicate;
      if (time.claimedUtc < since) return undefined;
      Object.assign(time, { claimedUtc: moved(time.claimedUtc) });
      for (const attempt of withAttempts ? (invocation?.attempts ?? []) : []) {
        const { startedAt, endedAt = startedAt } = attempt;
        Object.assign(attempt, { startedAt: moved(startedAt), endedAt: moved(endedAt) });
      }
      return undefined;
    },
  });
  return verify(files);
}

describe("a call that began when the window had closed", () => {
  it("by its start", async () => {
    const sample = await made(hello, { engagement: closing });
    const report = await later(sample, "step-executed", 3 * MINUTE, true);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    expect(report.reasons.join()).toContain("outside the engagement's window");
  });

  it("by its signed dispatch, which waits for its commit no longer than a minute", async () => {
    const sample = await made(probe, { engagement: closing });
    const report = await later(sample, "step-dispatched", 3 * MINUTE, false);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    expect(report.reasons.join()).toContain("outside the engagement's window");
    const waited = await later(sample, "step-dispatched", 2 * MINUTE, false);
    expect([waited.verdict, codes(waited)]).toEqual(["valid", []]);
  });
});

describe("a call that began when its approval had ended", () => {
  it("by its signed dispatch", async () => {
    const sample = await made(probe);
    const report = await later(sample, "step-dispatched", 25 * 60 * MINUTE, false);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
    expect(report.reasons.join()).toContain("started after its approval had ended");
  });

  it("by its start", async () => {
    const sample = await made(probe);
    const report = await later(sample, "step-executed", 25 * 60 * MINUTE, true);
    expect(codes(report)).toContain("FAILURE_APPROVAL_INVALID");
  });
});
