import { describe, expect, it } from "vitest";
import { gateFacts, principal } from "../../test/gate-facts.ts";
import type { Awaited } from "../contract/awaited.ts";
import type { GivenFact } from "../contract/gate-record.ts";
import type { GateFacts } from "./facts.ts";
import { inputGate, reasons } from "./input-gate.ts";

const NOW = "2026-11-23T10:00:00.000Z";
const digest = `sha256:${"1".repeat(64)}`;
const asks: Awaited = { what: "answer", task: "look", roles: ["operator"], independent: false, within: "1h" };
const answer = (of: string, custody: "held" | "local" = "held", at = NOW): GivenFact => ({
  what: "answer",
  digest,
  principal: of,
  keyId: "key",
  custody,
  at,
});
const signal: GivenFact = { what: "signal", digest, id: "msg_1", at: NOW };

function decide(awaited: Awaited, changes: Partial<GateFacts> = {}) {
  const base = gateFacts({});
  const principals = { ...base.principals, principals: [...base.principals.principals, principal("zoe")] };
  const { decision, reason } = inputGate({ ...base, principals, now: NOW, awaited, ...changes });
  return `${decision} ${reason}`;
}

describe("gate input", () => {
  it.each([
    ["nothing yet", asks, {}, "pause answer-required"],
    ["an answer by who asked", asks, { given: [answer("alice")] }, "allow ok"],
    [
      "by who asked, where somebody else has to",
      { ...asks, independent: true },
      { given: [answer("alice")] },
      "pause answer-required",
    ],
    ["with a key of the host", asks, { given: [answer("alice", "local")] }, "pause answer-required"],
    ["by who is not in the engagement", asks, { given: [answer("zoe")] }, "pause answer-required"],
    ["by who nobody knows", asks, { given: [answer("mallory")] }, "pause answer-required"],
    ["in another role", { ...asks, roles: ["owner"] }, { given: [answer("alice")] }, "pause answer-required"],
    ["a webhook instead", asks, { given: [signal] }, "pause answer-required"],
    ["late", asks, { pausedAt: { input: "2026-11-23T08:59:59.999Z" } }, "deny overdue"],
    [
      "at the last moment",
      asks,
      { pausedAt: { input: "2026-11-23T09:00:00.000Z" } },
      "pause answer-required",
    ],
    [
      "late, and answered in time",
      asks,
      {
        pausedAt: { input: "2026-11-23T08:00:00.000Z" },
        given: [answer("alice", "held", "2026-11-23T08:30:00Z")],
      },
      "allow ok",
    ],
    [
      "answered late",
      asks,
      { pausedAt: { input: "2026-11-23T08:00:00.000Z" }, given: [answer("alice")] },
      "deny overdue",
    ],
    [
      "without end",
      { ...asks, within: undefined },
      { pausedAt: { input: "2020-01-01T00:00:00Z" } },
      "pause answer-required",
    ],
    ["a clock that is none", asks, { now: "now", pausedAt: { input: NOW } }, "deny overdue"],
    ["no webhook", { what: "signal", publicKey: "" }, {}, "pause signal-required"],
    ["a webhook", { what: "signal", publicKey: "" }, { given: [signal] }, "allow ok"],
    [
      "an answer instead",
      { what: "signal", publicKey: "" },
      { given: [answer("alice")] },
      "pause signal-required",
    ],
    [
      "a webhook that is late",
      { what: "signal", publicKey: "", within: "1m" },
      { pausedAt: { input: "2026-11-23T09:00:00Z" } },
      "deny overdue",
    ],
    ["a time to come", { what: "time", until: "2026-11-23T10:00:00.001Z" }, {}, "pause not-yet"],
    ["a time that has come", { what: "time", until: NOW }, {}, "allow ok"],
    ["a while that has not begun", { what: "time", after: "1ms" }, {}, "pause not-yet"],
    [
      "a while that is over",
      { what: "time", after: "1h" },
      { pausedAt: { input: "2026-11-23T09:00:00.000Z" } },
      "allow ok",
    ],
    [
      "a clock that was set back",
      { what: "time", after: "1h" },
      { pausedAt: { input: "2026-11-23T11:00:00.000Z" } },
      "pause not-yet",
    ],
  ] as [string, Awaited, Partial<GateFacts>, string][])("%s", (_, awaited, changes, due) => {
    expect(decide(awaited, changes)).toBe(due);
  });

  it("says why it pauses or denies by these words only", () => {
    expect([...reasons]).toEqual(["answer-required", "signal-required", "not-yet", "overdue"]);
  });

  it("does not let an answer of who was disabled count", () => {
    const base = gateFacts({});
    const live = { ...base.live, disabledPrincipals: ["alice"] };
    expect(decide(asks, { live, given: [answer("alice")] })).toBe("pause answer-required");
  });
});
