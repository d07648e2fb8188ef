import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBenchLane, stepsPerSecond } from "../bench/governed-step.ts";

// What is measured has to be the governed path at work, by one process or by two on one workspace. No times here.
describe("the benchmark of the governed step", () => {
  it("works on a workspace that another process made", async () => {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-"));
    const first = await openBenchLane(folder);
    const second = await openBenchLane(folder);
    try {
      const rates = await Promise.all([first, second].map(({ lane }) => stepsPerSecond(lane, 2, 0.2)));
      expect(rates.every((rate) => rate > 0)).toBe(true);
      expect(second.lane.store.checkIntegrity()).toEqual([]);
    } finally {
      first.close();
      second.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
