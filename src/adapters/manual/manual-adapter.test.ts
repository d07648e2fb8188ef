import { describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { manual } from "./manual-adapter.ts";

const given = {
  result: { task: "pull the plug", answer: { done: true }, by: "ana", signedAt: "2026-11-26T10:00:00.000Z" },
  artifact: { name: "answer" as const, bytes: new TextEncoder().encode("{}") },
};

describe("manual", () => {
  for (const { name, run } of adapterCases({
    adapter: manual,
    artifacts: ["answer"],
    openCapture: memoryCapture,
    good: async () => ({ with: { task: "pull the plug" }, network: testNetwork({}), root: "/", given }),
  })) {
    it(name, run);
  }

  it("has nothing to give before it was given something", async () => {
    const call = { with: {}, capture: memoryCapture([], 1000) } as never;
    expect(await manual.run(call)).toMatchObject({ ok: false, fault: { code: "NOT_GIVEN" } });
  });
});
