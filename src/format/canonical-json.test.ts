import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBytes, canonicalJson, parseCanonicalJson, parseJson } from "./canonical-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("canonical JSON", () => {
  it.each([
    // RFC 8785 section 3.2.2 and appendix B
    [{ b: 1, a: [true, null, "x"] }, '{"a":[true,null,"x"],"b":1}'],
    [1e21, "1e+21"],
    [1e-7, "1e-7"],
    [-0, "0"],
    [Number("333333333.33333329"), "333333333.3333333"],
    ['\u20ac$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
    [{ "\ufb33": 1, "\ud83d\ude00": 2 }, '{"\ud83d\ude00":2,"\ufb33":1}'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [{}, "{}"],
    [[], "[]"],
  ])("of %j is %s", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it.each([
    ["not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate in a name", { "\udc00": 1 }],
    ["a bigint", 1n],
    ["a function", () => 1],
    ["undefined in a list", [undefined]],
    ["a class instance", new Date()],
    ["a map", new Map()],
    ["nesting without end", nested(300)],
  ])("refuses %s", (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: "VALUE_NOT_JSON" }));
  });

  it.each([
    ["white space", '{"a": 1}'],
    ["another order", '{"b":1,"a":2}'],
    ["a member twice", '{"a":1,"a":1}'],
    ["another number spelling", '{"a":1.0}'],
    ["an escape that is not needed", '{"a":"\\u0041"}'],
    ["an escaped lone surrogate", '{"a":"\\ud800"}'],
    ["minus zero", "[-0]"],
    ["a number that is none", "[1e999]"],
    ["numbers as names in another order than that of texts", '{"10":1,"9":1,"1":1}'],
    ["nesting without end", `${"[".repeat(300)}${"]".repeat(300)}`],
    ["a line break at the end", "{}\n"],
  ])("is not %s", (_name, text) => {
    expect(() => parseCanonicalJson(bytes(text))).toThrow(
      expect.objectContaining({ code: "JSON_NOT_CANONICAL" }),
    );
  });

  it.each([
    ["nothing", bytes("")],
    ["half a value", bytes('{"a":')],
    ["a byte order mark", bytes("\ufeff{}")],
    ["invalid UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ])("is not %s", (_name, input) => {
    expect(() => parseCanonicalJson(input)).toThrow(expect.objectContaining({ code: "JSON_MALFORMED" }));
  });

  it("comes back as the same value and the same bytes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const once = canonicalBytes(JSON.parse(JSON.stringify(value)));
        const parsed = parseCanonicalJson(once);
        expect(canonicalBytes(parsed)).toEqual(once);
        expect(parsed).toEqual(parseJson(once));
      }),
    );
  });

  it("is the same whether members stand in order or not", () => {
    const shuffled = (value: unknown): unknown => {
      if (typeof value !== "object" || value === null) return value;
      if (Array.isArray(value)) return value.map(shuffled);
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, one]) => [name, shuffled(one)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const inOrder = JSON.parse(canonicalJson(value));
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(inOrder));
      }),
    );
    expect(canonicalJson({ 10: 1, 9: 1, a: { b: 1, a: '"\\ud' } })).toBe(
      '{"10":1,"9":1,"a":{"a":"\\"\\\\ud","b":1}}',
    );
  });

  it("never throws anything but its own error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        try {
          parseCanonicalJson(input);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^JSON_(MALFORMED|NOT_CANONICAL)$/) });
        }
      }),
    );
  });
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}
