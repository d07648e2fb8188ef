import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { engagementEvents, runEvents, workspaceEvents } from "../src/contract/receipt-predicate.ts";
import * as statements from "../src/format/statement.ts";
import { failureCodes, layerNames } from "../src/verifier/index.ts";
import { assumptions, signals } from "../src/verifier/report.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, inside]) => inside ?? "");

describe("THREAT_MODEL.md", () => {
  const rows = read("THREAT_MODEL.md")
    .split("\n")
    .filter((line) => line.includes(".test.ts`"));

  it("names a test that exists for each claim", () => {
    const proved = read("THREAT_MODEL.md").split("## Proved")[1]?.split("## Assumed")[0] ?? "";
    const claims = proved.split("\n").filter((line) => /^\| [A-Z]/.test(line));
    expect(claims.length).toBeGreaterThan(10);
    for (const claim of claims) {
      const tests = quoted(claim.split("|").at(-2) ?? "");
      expect([claim, tests.length > 0]).toEqual([claim, true]);
    }
    for (const path of rows.flatMap(quoted).filter((name) => name.endsWith(".test.ts"))) {
      expect([path, existsSync(join(root, path))]).toEqual([path, true]);
    }
  });

  it("has the assumptions of the reports", () => {
    for (const { id } of assumptions) expect(read("THREAT_MODEL.md")).toContain(`| ${id} |`);
  });
});

describe("spec/verification.md", () => {
  const text = read("spec/verification.md");
  const rows = text.split("\n").filter((line) => line.startsWith("| `FAILURE_"));

  it("has every code once, with an accept and a reject vector unless it is reserved", () => {
    const listed = rows.map((row) => quoted(row)[0]);
    expect(listed).toEqual([
      ...Object.keys(failureCodes),
      "FAILURE_INPUT_MALFORMED",
      "FAILURE_INPUT_UNSUPPORTED",
    ]);
    for (const row of rows.filter((line) => !line.includes("reserved"))) {
      const [code = "", ...vectors] = quoted(row);
      expect(vectors).toHaveLength(2);
      for (const vector of vectors)
        expect([vector, existsSync(join(root, "vectors", vector))]).toEqual([vector, true]);
      const [, rejected = ""] = vectors;
      const file = rejected.endsWith(".json") ? rejected : `${rejected}/vector.json`;
      expect(read(join("vectors", file))).toContain(code);
    }
  });

  it("names every layer and signal", () => {
    for (const layer of layerNames) expect(text).toContain(`**${layer}**`);
    for (const signal of signals) expect(text).toContain(`| \`${signal}\` |`);
  });
});

describe("spec/receipt.md", () => {
  const text = read("spec/receipt.md");

  it("has every event and every fixed URI", () => {
    for (const event of [...workspaceEvents, ...engagementEvents, ...runEvents])
      expect(text).toContain(`\`${event}\``);
    for (const [name, uri] of Object.entries(statements)) {
      if (name.endsWith("_PREDICATE")) expect(text).toContain(`\`${uri}\``);
    }
  });
});
