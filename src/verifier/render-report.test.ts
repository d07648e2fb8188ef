import { describe, expect, it } from "vitest";
import { verify } from "../../test/fixtures/check-bundle.ts";
import { forge } from "../../test/fixtures/forge-bundle.ts";
import { sampleBundle } from "../../test/fixtures/sample-bundle.ts";
import { renderReport } from "./index.ts";

const sections = [
  "verdict: valid",
  "layers",
  "steps",
  "denied",
  "boundary of example.noop@1.0.0",
  "observed",
  "inferred",
  "asserted by the host",
  "assumed",
];

describe("renderReport", () => {
  it("shows every part, within its width and without colour unless asked", async () => {
    const report = await verify((await sampleBundle()).files);
    const text = renderReport(report, { width: 90 });
    for (const section of sections) expect(text).toContain(section);
    for (const id of ["T1", "T2", "T3", "T4", "T5", "T6"]) expect(text).toContain(`${id} `);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(90);
    expect(text).not.toContain("\u001b");
    expect(renderReport(report, { color: true })).toContain("\u001b[32mvalid");
  });

  it("lets nothing in a bundle move the cursor or hide text", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const files = await forge(sample, {
      receipt: ({ predicate }) => {
        if (predicate.step?.id === "hello" && predicate.invocation?.outputs) {
          predicate.invocation.outputs = { said: "\u001b[2Jgone\u202e" };
        }
        return undefined;
      },
    });
    const text = renderReport(await verify(files));
    expect(text).toContain("verdict: invalid");
    for (const character of ["\u001b", "\u202e"]) expect(text).not.toContain(character);
  });
});
