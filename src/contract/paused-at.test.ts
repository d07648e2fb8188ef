import { expect, it } from "vitest";
import { pausedAtOf } from "./paused-at.ts";

it("counts from the first pause of an action at each gate: to pause there again restarts no term", () => {
  const pauses = [
    { actionDigest: "a", gate: "approval", at: "2026-11-23T08:00:00.000Z" },
    { actionDigest: "a", gate: "input", at: "2026-11-23T09:00:00.000Z" },
    { actionDigest: "a", gate: "approval", at: "2026-11-23T10:00:00.000Z" },
    { actionDigest: "b", gate: "approval", at: "2026-11-23T11:00:00.000Z" },
    { actionDigest: "a", gate: "policy", at: "2026-11-23T07:00:00.000Z" },
  ];
  expect(pausedAtOf(pauses, "a")).toEqual({
    approval: "2026-11-23T08:00:00.000Z",
    input: "2026-11-23T09:00:00.000Z",
  });
  expect(pausedAtOf(pauses, "b")).toEqual({ approval: "2026-11-23T11:00:00.000Z" });
  expect(pausedAtOf(pauses, "c")).toEqual({});
});
