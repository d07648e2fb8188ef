// Live status only tightens: what one process records stops what another one does, within a second, and the verifier
// holds a host to its own receipts.
import { describe, expect, it } from "vitest";
import type { Adapter, AdapterOutcome } from "../src/adapter/adapter.ts";
import { advance } from "../src/run/advance.ts";
import { recordContractStatus, recordEngagementStatus, recordFreeze } from "../src/run/record-governance.ts";
import { stopEngagement } from "../src/run/stop-engagement.ts";
import { codes, stepOf } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import { busy, judge, open, scripted, start, VALID, verdict } from "./fixtures/real-run.ts";

/** Never answers, and ends when it is told to. */
function hanging(): Adapter & { calls: number } {
  const adapter = scripted(() => new Promise<AdapterOutcome>(() => undefined));
  return Object.assign(adapter, {
    run(call: Parameters<Adapter["run"]>[0]): Promise<AdapterOutcome> {
      adapter.calls += 1;
      return new Promise((resolve) => {
        const fault = { code: "CANCELLED", phase: "response", message: "stopped" };
        call.signal.addEventListener("abort", () => resolve({ ok: false, fault }));
      });
    },
  });
}

describe("a halt by another process", () => {
  it.each([
    ["safe", "read", "failed"],
    ["unsafe", "write", "in-doubt"],
  ] as const)(
    "stops a %s call within a second, and its end is not guessed",
    async (idempotency, effect, outcome) => {
      const contract = exampleContract({ effect }, { adapter: "scripted", idempotency, timeout: "1h" });
      const adapter = hanging();
      const test = await open([contract], [adapter]);
      const run = await start(test, exampleRunbook({}, 2));
      const driving = advance(test.lane, run);
      await expect.poll(() => adapter.calls).toBe(1);
      const other = await test.again();
      await recordEngagementStatus(other, "olga", "acme", "halted", "the customer called");
      const halted = performance.now();
      await driving;
      expect(performance.now() - halted).toBeLessThan(1000);
      const report = await judge(test, [run]);
      expect(verdict(report)).toEqual(VALID);
      expect(stepOf(report, "step-1")).toMatchObject({ outcome });
      expect(adapter.calls).toBe(1);
    },
  );

  it("ends the pause before another attempt", async () => {
    const retry = { attempts: 3, backoff: "fixed" as const, on: ["BUSY"] };
    const adapter = scripted(busy);
    const test = await open([exampleContract({}, { adapter: "scripted", retry, timeout: "1h" })], [adapter]);
    const lane = { ...test.lane, sleep: (millis: number) => test.lane.sleep(Math.max(millis, 200)) };
    const run = await start(test);
    const driving = advance(lane, run);
    await expect.poll(() => test.lane.store.dispatches(run)[0]?.ended?.exit).toBe("failed");
    await recordEngagementStatus(await test.again(), "olga", "acme", "halted", "stop");
    const halted = performance.now();
    await driving;
    expect(performance.now() - halted).toBeLessThan(1000);
    expect(stepOf(await judge(test, [run]), "step-1")).toMatchObject({ outcome: "failed" });
    expect(adapter.calls).toBe(1);
  });

  it("ends what waited for approval, with a receipt", async () => {
    const authority = { roles: ["operator" as const], approval: "designated" as const };
    const test = await open([exampleContract({ effect: "intrusive", authority })]);
    const runs = [await start(test), await start(test)];
    for (const run of runs) await advance(test.lane, run);
    await recordEngagementStatus(test.lane, "olga", "acme", "halted", "stop");
    expect(await stopEngagement(test.lane, "acme")).toEqual({ ended: runs, left: [] });
    const report = await judge(test, runs);
    expect(verdict(report)).toEqual(VALID);
    expect(report.steps.map(({ outcome }) => outcome)).toEqual(["denied", "denied"]);
  });
});

describe("contracts and freezes", () => {
  const uses = "example.noop@1.0.0";

  it("that are suspended, revoked or on deny; reinstated and ended they let pass", async () => {
    const test = await open([exampleContract()]);
    const outcomeNow = async () => {
      const run = await start(test);
      await advance(test.lane, run);
      const report = await judge(test, [run]);
      expect(verdict(report)).toEqual(VALID);
      return stepOf(report, "step-1")?.outcome;
    };
    await recordContractStatus(test.lane, "olga", uses, "suspended", "a doubt");
    expect(await outcomeNow()).toBe("denied");
    await recordContractStatus(test.lane, "olga", uses, "active", "no doubt");
    expect(await outcomeNow()).toBe("executed");
    await recordFreeze(test.lane, "olga", "on", "end of the quarter");
    expect(await outcomeNow()).toBe("denied");
    await recordFreeze(test.lane, "olga", "off", "it is over");
    expect(await outcomeNow()).toBe("executed");
    await recordContractStatus(test.lane, "olga", uses, "revoked", "broken");
    expect(await outcomeNow()).toBe("denied");
  });

  it.each([
    ["suspended", /the contract was suspended/],
    ["frozen", /changes were frozen/],
  ])("that were %s in a host's own receipts cannot be overlooked by it", async (what, message) => {
    let ahead = 0;
    const test = await open([exampleContract()]);
    const run = await start(test);
    if (what === "frozen") await recordFreeze(test.lane, "olga", "on", "stop");
    else await recordContractStatus(test.lane, "olga", uses, "suspended", "stop");
    // A host that forgets its own status rows, half a minute later.
    ahead = 30_000;
    const store = new Proxy(test.lane.store, {
      get(target, name) {
        if (name === "statuses") return () => [];
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await advance({ ...test.lane, store, clock: () => Date.now() + ahead }, run);
    const report = await judge(test, [run]);
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toEqual(["FAILURE_DECISION_MISMATCH"]);
    expect(JSON.stringify(report.layers)).toMatch(message);
  });
});
