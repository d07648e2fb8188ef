// Changes every single byte of every file of a small bundle: none of them may leave it valid.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { memoryBundle, verifyBundle } from "../src/verifier/index.ts";
import type { Share } from "./every-byte/check-bytes.ts";
import { defaultPolicies } from "./fixtures/lane.ts";
import { sampleBundle } from "./fixtures/sample-bundle.ts";

it("is never valid with one byte changed, but in files that the report lists as ignored", async () => {
  const { policies, schema, ...set } = defaultPolicies();
  const bare = (text: string): string => text.replaceAll(/^\s*\/\/.*\n/gm, "");
  const { files, trust } = await sampleBundle({
    steps: [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }],
    conclusion: false,
    policies: {
      ...set,
      schema: bare(schema),
      policies: { "operators-may-invoke": bare(policies["operators-may-invoke"] ?? "") },
    },
  });
  const whole = new Map(files).set("notes.txt", new TextEncoder().encode("not in the manifest"));
  const before = await verifyBundle(memoryBundle(whole), trust);
  expect([before.verdict, before.ignoredFiles]).toEqual(["valid", ["notes.txt"]]);

  const of = availableParallelism();
  const shares = Array.from({ length: of }, (_, nth) => run({ files: whole, trust, of, nth }));
  const ended = await Promise.all(shares);
  expect(ended.flatMap(({ valid }) => valid)).toEqual([]);
  const bytes = [...whole.values()].reduce((sum, { length }) => sum + length, 0);
  expect(ended.reduce((sum, { tried }) => sum + tried, 0)).toBe(bytes);
}, 600_000);

function run(share: Share): Promise<{ tried: number; valid: string[] }> {
  const worker = new Worker(new URL("every-byte/check-bytes.ts", import.meta.url), { workerData: share });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
