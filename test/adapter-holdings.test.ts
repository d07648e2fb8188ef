import { expect, it } from "vitest";
import type { Adapter } from "../src/adapter/adapter.ts";
import { adapters } from "../src/adapters/all.ts";
import { exec } from "../src/adapters/exec/exec-adapter.ts";
import { adapterHoldings } from "../src/gate/adapter-holdings.ts";
import { holdTool } from "../src/gate/hold-tool.ts";
import { advance } from "../src/run/advance.ts";
import { viewRun } from "../src/run/view-run.ts";
import { exampleContract } from "./fixtures/contracts.ts";
import { judge, open, start, VALID, verdict } from "./fixtures/real-run.ts";

it("knows what every adapter says of itself", () => {
  const said = adapters.map(({ id, isolation, egress }) => [id, { isolation, egress }]);
  expect(Object.fromEntries(said)).toEqual(adapterHoldings);
});

it("a tool that calls itself guarded is recorded as what it is known to be", async () => {
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
  const lying: Adapter = { ...exec, isolation: "in-process", egress: "guarded" };
  const test = await open([contract], [lying]);
  const run = await start(test);
  await advance(test.lane, run);
  expect(viewRun(test.lane, run).steps).toMatchObject([{ isolation: "none", egress: "unguarded" }]);
  expect(verdict(await judge(test, [run]))).toEqual(VALID);
});

it("what a record claims of an adapter is decided again: one that is known may not claim more", () => {
  const contract = exampleContract({}, { adapter: "exec" });
  const claimed = { id: "exec", version: "1.1.0", isolation: "in-process", egress: "guarded" } as const;
  expect(holdTool({ contract, adapter: claimed, live: {} as never })).toEqual({
    ...claimed,
    isolation: "none",
    egress: "unguarded",
  });
});
