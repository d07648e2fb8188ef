// Runs that a server with every issuer key tells otherwise than they went: receipts of invocations that never were,
// ends that do not follow, times that contradict one another, records of other attempts, an authorization of yesterday.
import { describe, expect, it } from "vitest";
import type { ReceiptPredicate } from "../src/contract/receipt-predicate.ts";
import { digestOfJson, hexOf } from "../src/format/digest.ts";
import { advance } from "../src/run/advance.ts";
import type { Report } from "../src/verifier/index.ts";
import { codes, failedLayers, stepOf, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import { type Draft, type Forgery, forge, readDrafts, withDrafts } from "./fixtures/forge-bundle.ts";
import { busy, exported, fine, open, scripted, start } from "./fixtures/real-run.ts";
import { type SampleBundle, sampleBundle } from "./fixtures/sample-bundle.ts";
import { transplant } from "./fixtures/transplant.ts";

const host = { host: "inputs.host" };
const hello = { id: "hello", uses: "example.noop@1.0.0", with: host };
const probe = { id: "probe", uses: "example.probe@1.0.0", with: host };
const each = {
  id: "each",
  uses: "example.noop@1.0.0",
  with: { host: "each" },
  forEach: { in: "inputs.hosts", max: 5 },
};
const made = (steps: readonly object[], more: object = {}): Promise<SampleBundle> =>
  sampleBundle({ steps: steps as never, conclusion: false, ...more });
const told = async (sample: SampleBundle, forgery: Forgery): Promise<Report> =>
  verify(await forge(sample, forgery));
const edit =
  (event: string, change: (draft: Draft) => void): NonNullable<Forgery["receipt"]> =>
  (draft) => {
    if (draft.predicate.event === event) change(draft);
    return undefined;
  };

/** The receipt becomes one that is about its detail and no call. */
function withoutCall(draft: Draft, event: string, detail: object): void {
  const { predicate } = draft;
  for (const part of ["invocation", "gates", "approvals", "artifacts", "contract", "boundary"])
    Reflect.deleteProperty(predicate, part);
  Object.assign(predicate, { event, detail });
  draft.subject = [{ name: "detail", digest: { sha256: hexOf(digestOfJson(detail)) } }];
}

describe("invocations that never were", () => {
  it("of a step that was never expanded", async () => {
    const report = await told(await made([hello, each]), {
      receipt: ({ predicate }) => predicate.event !== "step-expanded",
    });
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_DECISION_MISMATCH");
    expect(failedLayers(report)).toEqual(expect.arrayContaining(["continuity", "re-decision"]));
  });

  it("of one that was expanded twice, to leave elements out", async () => {
    const sample = await made([each]);
    const twice = withDrafts(sample, (drafts) =>
      drafts.flatMap((draft) =>
        draft.predicate.event === "step-expanded"
          ? [draft, { ...draft, predicate: { ...draft.predicate, receiptId: "f".repeat(32) } }]
          : [draft],
      ),
    );
    const report = await told(twice, {});
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });

  it("with a key that a plain step does not have, in a run that is still open", async () => {
    const report = await told(await made([hello, probe], { open: true }), {
      receipt: edit("step-executed", ({ predicate }) => Object.assign(predicate.step ?? {}, { key: "x" })),
    });
    expect([report.verdict, report.partial]).toEqual(["invalid", true]);
    expect(codes(report)).toEqual(
      expect.arrayContaining(["FAILURE_DECISION_MISMATCH", "FAILURE_COMPLETENESS"]),
    );
  });

  it("of a step that the run does not have", async () => {
    const report = await told(await made([hello, probe], { open: true }), {
      receipt: edit("step-executed", ({ predicate }) => Object.assign(predicate, { step: { id: "other" } })),
    });
    expect(codes(report)).toContain("FAILURE_DECISION_MISMATCH");
  });
});

describe("ends that do not follow", () => {
  it.each(["step-cancelled", "step-skipped", "step-denied"])("%s after a signed dispatch", async (event) => {
    const reasons: Record<string, string> = {
      "step-cancelled": "requested",
      "step-skipped": "when",
      "step-denied": "secret-unavailable",
    };
    const report = await told(await made([probe]), {
      receipt: (draft) => {
        const { predicate } = draft;
        if (predicate.event === "run-closed") Object.assign(predicate.detail ?? {}, { outcome: "cancelled" });
        if (predicate.event === "step-executed") withoutCall(draft, event, { reason: reasons[event] });
        return undefined;
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain(`\`${event}\` cannot follow on \`dispatched\``);
  });

  it("without an attempt that was dispatched", async () => {
    const sample = await made([probe]);
    const repeated = withDrafts(sample, (drafts) =>
      drafts.flatMap((draft) => {
        if (draft.predicate.event !== "step-dispatched") return [draft];
        const again = structuredClone(draft);
        Object.assign(again.predicate, { receiptId: "e".repeat(32), detail: { attempt: 2 } });
        return [draft, again];
      }),
    );
    expect((await told(repeated, {})).reasons.join()).toContain("leaves out an attempt that was dispatched");
  });

  it("cancelled for a stop that never was", async () => {
    const stopping = { id: "busy", uses: "example.busy@1.0.0", with: host, onFailure: "stop" };
    const stopped = await made([stopping, hello]);
    expect((await verify(stopped.files)).verdict).toBe("valid");
    const completed = await told(stopped, {
      receipt: edit("run-closed", ({ predicate }) =>
        Object.assign(predicate.detail ?? {}, { outcome: "completed" }),
      ),
    });
    expect(codes(completed)).toEqual(["FAILURE_DECISION_MISMATCH"]);
    const cancelled = await told(await made([hello]), {
      receipt: edit("step-executed", (draft) => withoutCall(draft, "step-cancelled", { reason: "stopped" })),
    });
    expect(codes(cancelled)).toEqual(["FAILURE_DECISION_MISMATCH"]);
  });
});

describe("times that contradict one another", () => {
  const attempt = (change: object) =>
    edit("step-executed", ({ predicate }) => {
      for (const one of predicate.invocation?.attempts ?? []) Object.assign(one, change);
    });
  it.each([
    ["ended before it started", { endedAt: "2026-11-23T10:00:00.000Z" }],
    ["started before its gates decided", { startedAt: "2026-11-23T10:00:00.000Z" }],
    ["ended after its receipt", { endedAt: "2026-11-23T12:00:00.000Z" }],
    ["long after its gates", { startedAt: "2026-11-23T11:00:00.000Z", endedAt: "2026-11-23T11:00:00.000Z" }],
  ])("an attempt: %s", async (_, change) => {
    const report = await told(await made([hello]), { receipt: attempt(change) });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });

  it("a decision before what it had to see", async () => {
    const report = await told(await made([probe]), {
      gateRecord: (record) => {
        if (record.decision === "allow") Object.assign(record, { decidedAt: "2026-11-23T10:00:00.000Z" });
      },
    });
    expect(report.reasons.join()).toContain("decided before what they had to see");
  });

  it("a run that was made ready long before it was opened, or after", async () => {
    for (const openedAt of ["2026-11-23T09:30:00.000Z", "2026-11-23T10:30:00.000Z"]) {
      const files = await transplant(await made([hello]), {
        run: (run) => void Object.assign(run, { openedAt }),
      });
      expect(codes(await verify(files))).toContain("FAILURE_CONTINUITY_BROKEN");
    }
  });

  it("a receipt that is older than the one before it", async () => {
    const back = (event: ReceiptPredicate["event"], claimedUtc: string) =>
      edit(event, ({ predicate }) => Object.assign(predicate.time, { claimedUtc }));
    for (const [event, at] of [
      ["step-skipped", "2026-11-23T10:00:06.000Z"],
      ["run-closed", "2026-11-23T09:59:00.000Z"],
      ["key-certified", "2026-11-23T09:30:00.000Z"],
    ] as const) {
      const report = await told(await made([hello, { ...hello, id: "never", when: "false" }]), {
        receipt: back(event, at),
      });
      expect([event, report.verdict, codes(report)]).toEqual([
        event,
        "invalid",
        ["FAILURE_CONTINUITY_BROKEN"],
      ]);
    }
  });
});

describe("attempts under other records", () => {
  it("an earlier one without a record that can be read, of another attempt, or of another call", async () => {
    const retry = { attempts: 3, backoff: "none" as const, on: ["BUSY"] };
    const test = await open([exampleContract({}, { adapter: "scripted", retry })], [scripted(busy, fine)]);
    const run = await start(test, exampleRunbook({}, 2));
    await advance(test.lane, run);
    const files = await exported(test.lane, [run]);
    const sample = { files, trust: test.trust, run } as unknown as SampleBundle;
    const executed = readDrafts(files).filter(({ predicate }) => predicate.event === "step-executed");
    const [first, second] = executed.map(({ predicate }) => predicate.invocation?.attempts ?? []);
    const answer = executed[0]?.predicate.artifacts?.find(({ name }) => name === "answer")?.digest;
    const expected = [
      [answer, "FAILURE_BUNDLE_MALFORMED"],
      [digestOfJson("absent"), "FAILURE_COMPLETENESS"],
      [first?.[1]?.dispatchDigest, "FAILURE_DIGEST_MISMATCH"],
      [second?.[0]?.dispatchDigest, "FAILURE_DIGEST_MISMATCH"],
    ];
    for (const [dispatchDigest, code] of expected) {
      const forged = await forge(sample, {
        signer: test.lane.signer,
        receipt: ({ predicate }) => {
          if (predicate.step?.id === "step-1")
            Object.assign(predicate.invocation?.attempts[0] ?? {}, { dispatchDigest });
          return undefined;
        },
      });
      expect(codes(await verify(forged, test.trust))).toContain(code);
    }
  });
});

describe("an authorization of yesterday", () => {
  it("that the owner had replaced before the run was opened", async () => {
    const test = await open([exampleContract()]);
    const run = await start(test);
    await advance(test.lane, run);
    await test.authorize(exampleRunbook({ id: "other" }));
    const files = await exported(test.lane, [run]);
    expect((await verify(files, test.trust)).verdict).toBe("valid");
    const sample = { files, trust: test.trust, run } as unknown as SampleBundle;
    const rolled = withDrafts(sample, (drafts) => {
      const opened = drafts.findIndex(({ predicate }) => predicate.event === "run-opened");
      const newest = drafts.findLastIndex(({ predicate }) => predicate.event === "engagement-authorized");
      const [moved] = drafts.splice(newest, 1);
      const before = drafts[opened - 1]?.predicate.time;
      if (moved === undefined || before === undefined) throw new TypeError("nothing to move");
      moved.predicate.time = before;
      return drafts.toSpliced(opened, 0, moved);
    });
    const report = await verify(await forge(rolled, { signer: test.lane.signer }), test.trust);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
  });
});

describe("a runbook of its own", () => {
  it("under a name that the lock does not have proves nothing", async () => {
    const files = await transplant(await made([hello]), {
      text: (text) => text.replaceAll('"id":"example"', '"id":"other"'),
    });
    const report = await verify(files);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(report.runs[0]?.authorized).toBe(false);
    expect(stepOf(report, "hello")?.proofClass).toBe("operational-input");
  });
});
