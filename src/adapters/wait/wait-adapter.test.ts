import { describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { wait } from "./wait-adapter.ts";

const given = {
  result: { due: "2026-11-26T10:00:00.000Z", decidedAt: "2026-11-26T10:00:01.000Z" },
  artifact: { name: "time" as const, bytes: new TextEncoder().encode("{}") },
};

describe("wait", () => {
  for (const { name, run } of adapterCases({
    adapter: wait,
    artifacts: ["time"],
    openCapture: memoryCapture,
    good: async () => ({ with: { after: "1h" }, network: testNetwork({}), root: "/", given }),
  })) {
    it(name, run);
  }

  it("has nothing to give before it was given something", async () => {
    const call = { with: {}, capture: memoryCapture([], 1000) } as never;
    expect(await wait.run(call)).toMatchObject({ ok: false, fault: { code: "NOT_GIVEN" } });
  });
});
