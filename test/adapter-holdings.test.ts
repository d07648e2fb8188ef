import { expect, it } from "vitest";
import { adapters } from "../src/adapters/all.ts";
import { exec } from "../src/adapters/exec/exec-adapter.ts";
import { adapterHoldings } from "../src/gate/adapter-holdings.ts";
import { advance } from "../src/run/advance.ts";
import { codes } from "./fixtures/check-bundle.ts";
import { exampleContract } from "./fixtures/contracts.ts";
import { judge, open, retold, start, VALID, verdict } from "./fixtures/real-run.ts";

it("knows what every adapter says of itself", () => {
  const said = adapters.map(({ id, isolation, egress }) => [id, { isolation, egress }]);
  expect(Object.fromEntries(said)).toEqual(adapterHoldings);
});

it("a tool that a host calls guarded is not", async () => {
  const contract = exampleContract(
    {
      outputs: { type: "object", properties: {} },
      evidence: {
        artifacts: [{ name: "stdout", mediaType: "text/plain", required: true, sensitivity: "internal" }],
        maxBytes: "1MB",
      },
    },
    { adapter: "exec", with: { command: "'true'", args: [] }, outputs: {} },
  );
  const test = await open([contract], [exec]);
  const run = await start(test);
  await advance(test.lane, run);
  expect(verdict(await judge(test, [run]))).toEqual(VALID);
  const report = await retold(test, [run], {
    gateRecord: ({ adapter }) => void Object.assign(adapter, { isolation: "in-process", egress: "guarded" }),
    receipt: ({ predicate }) => {
      if (predicate.invocation !== undefined)
        Object.assign(predicate.invocation, { isolation: "in-process", egress: "guarded" });
      return undefined;
    },
  });
  expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
});
