import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContractError } from "./contract-error.ts";
import { parseYaml } from "./parse-yaml.ts";

function faultsOf(text: string): ContractError {
  try {
    parseYaml(text, "file");
  } catch (error) {
    if (error instanceof ContractError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("parseYaml refuses", () => {
  const bomb = `a: &a [x,x]\n${Array.from({ length: 20 }, (_, i) => `b${i}: &b${i} [*a, *a, *a]`).join("\n")}`;
  it.each([
    ["a duplicate key", "a: 1\nb: 2\na: 3", "duplicate-key", 3],
    ["a duplicate key in flow form", '{"a": 1, "a": 2}', "duplicate-key", 1],
    ["an alias bomb", bomb, "alias", 1],
    ["an anchor alone", "a: &x 1", "alias", 1],
    ["a custom tag", "a: !thing 1", "tag", 1],
    ["a binary tag", "a: !!binary aGVsbG8=", "tag", 1],
    ["a key that is a list", "? [1]\n: 2", "key", 1],
    ["a key that is a number", "1: 2", "key", 1],
    ["a key that is empty", ": 2", "key", 1],
    ["a prototype key", "__proto__: {}", "key", 1],
    ["infinity", "a: .inf", "number", 1],
    ["a number that overflows", "a: 1e999", "number", 1],
    ["not a number", "a: .nan", "number", 1],
    ["an integer beyond 2^53", "\na: 9007199254740993", "number", 2],
    ["a lone surrogate", 'a: "\\ud800"', "string", 1],
    ["two documents", "a: 1\n---\nb: 2", "malformed", 2],
    ["YAML 1.1", "%YAML 1.1\n---\na: yes", "malformed", 1],
    ["an open bracket", "a: [1,", "malformed", 1],
    ["a tab as indentation", "a:\n\tb: 1", "malformed", 2],
    ["deep nesting", `${"[".repeat(66)}${"]".repeat(66)}`, "depth", 1],
    ["hopeless nesting", "[".repeat(200_000), "depth", undefined],
    ["hopeless block nesting", "- ".repeat(100_000), "depth", undefined],
  ])("%s", (_name, text, code, line) => {
    const error = faultsOf(text);
    expect(error.code).toBe("DOCUMENT_MALFORMED");
    expect(error.faults[0]).toMatchObject({ code, ...(line === undefined ? {} : { line }) });
    expect(error.hint).toBeDefined();
  });

  it("more than 1 MiB, in bytes", () => {
    expect(faultsOf(`a: "${"ä".repeat(600_000)}"`).code).toBe("DOCUMENT_TOO_LARGE");
  });

  it("several things at once, each with its line", () => {
    expect(faultsOf("a: 1\na: 2\nb: .nan\nc: !x 1\n").faults.map(({ code, line }) => [code, line])).toEqual([
      ["duplicate-key", 2],
      ["number", 3],
      ["tag", 4],
    ]);
  });
});

describe("parseYaml reads", () => {
  it.each([
    ["a timestamp as text", "a: 2026-01-01", { a: "2026-01-01" }],
    ["a merge key as an ordinary key", "<<: {a: 1}", { "<<": { a: 1 } }],
    ["`yes` as text", "a: yes", { a: "yes" }],
    ["JSON with tabs", '{\n\t"a": [\n\t\t1, null, true]\n}', { a: [1, null, true] }],
    ["nothing", "", null],
  ])("%s", (_name, text, value) => {
    expect(parseYaml(text, "file").value).toEqual(value);
  });

  it("many keys in reasonable time", () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join("\n");
    expect(Object.keys(parseYaml(text, "file").value as object)).toHaveLength(60_000);
  });

  it("and finds the place of a value, or of the nearest parent", () => {
    const source = parseYaml("a:\n  - x: 1\n    y: 2\n", "file");
    expect(source.locate(["a", 0, "y"])).toEqual({ line: 3, column: 5 });
    expect(source.locate(["a", 0, "missing"])).toEqual({ line: 2, column: 5 });
  });

  it("any JSON as JSON.parse does", () => {
    const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(json, (text) => {
        fc.pre(!text.includes("__proto__") && !/e[+-]?\d{2}|\d{16}/i.test(text) && !text.includes("-0"));
        expect(parseYaml(text, "file").value).toEqual(JSON.parse(text));
      }),
    );
  });
});

it("parseYaml throws nothing but ContractError", () => {
  const piece = fc.constantFrom(..."&*!|>%@`{}[]:,-?#\n \t'\"a1.~<".split(""), "---", "<<", "\r\n", "\u2028");
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 60 }).map((p) => p.join("")),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        parseYaml(input, "file");
      } catch (error) {
        expect(error).toBeInstanceOf(ContractError);
      }
    }),
    { numRuns: 1000 },
  );
});
