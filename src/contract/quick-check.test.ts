import fc from "fast-check";
import { Check } from "typebox/schema";
import { describe, expect, it } from "vitest";
import { checkSchema } from "./check-schema.ts";
import { gateRecordSchema } from "./gate-record.ts";
import { quickCheckOf } from "./quick-check.ts";
import { receiptPredicateSchema } from "./receipt-predicate.ts";
import { schemas } from "./schemas.ts";

const names = ["a", "b", "ab", "", "toString", "__proto__", "constructor", "length"];
const texts = fc.constantFrom("", "a", "ab", "abc", "aaaa", "😀", "😀😀", "\ud800", "\n");
const numbers = fc.constantFrom(-1, 0, -0, 1, 1.5, 2, 3, 1e21);
const plain = fc.oneof(texts, numbers, fc.boolean(), fc.constant(null));

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    plain,
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom(...names), tie("value")), { maxLength: 4 })
      .map((members) => Object.fromEntries(members)),
    fc
      .array(fc.tuple(fc.constantFrom(...names), fc.oneof(tie("value"), fc.constant(undefined))), {
        maxLength: 3,
      })
      .map((members) => JSON.parse(JSON.stringify(Object.fromEntries(members)))),
  ),
}));

const types = ["object", "array", "string", "boolean", "integer", "number", "null"];
const patterns = fc.constantFrom("^a", "b$", "^.*$", "^[ab]+$", "^$", ".");
const keyword = (name: string, given: fc.Arbitrary<unknown>) => fc.tuple(fc.constant(name), given);
const limit = fc.integer({ min: 0, max: 3 });
const { schema } = fc.letrec<{ schema: object | boolean; some: object }>((tie) => {
  const members = fc
    .array(fc.tuple(fc.constantFrom(...names), tie("schema")), { maxLength: 3 })
    .map((entries) => Object.fromEntries(entries));
  return {
    // A few keywords each: with more of them hardly any value fits, and nothing is compared.
    some: fc
      .array(
        fc.oneof(
          keyword("type", fc.oneof(fc.constantFrom(...types), fc.subarray(types, { minLength: 1 }))),
          keyword("const", plain),
          keyword("enum", fc.array(plain, { minLength: 1, maxLength: 4 })),
          keyword("anyOf", fc.array(tie("schema"), { minLength: 1, maxLength: 3 })),
          keyword("allOf", fc.array(tie("schema"), { minLength: 1, maxLength: 2 })),
          keyword("items", tie("schema")),
          keyword("minItems", limit),
          keyword("maxItems", limit),
          keyword("uniqueItems", fc.boolean()),
          keyword("minimum", numbers),
          keyword("maximum", numbers),
          keyword("minLength", limit),
          keyword("maxLength", limit),
          keyword("pattern", patterns),
          keyword("required", fc.subarray(names, { maxLength: 2 })),
          keyword("properties", members),
          keyword("patternProperties", fc.dictionary(patterns, tie("schema"), { maxKeys: 2 })),
          keyword("minProperties", limit),
          keyword("maxProperties", limit),
          keyword("additionalProperties", tie("schema")),
          { arbitrary: keyword("not", tie("schema")), weight: 1 },
          keyword("description", fc.constant("text")),
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map((keywords) => Object.fromEntries(keywords)),
    schema: fc.oneof({ depthSize: "small" }, fc.boolean(), tie("some")) as fc.Arbitrary<object | boolean>,
  };
});

describe("a quick check", () => {
  it("is never more lenient than the interpreter, and the answer is always the interpreter's", () => {
    let compiled = 0;
    let accepted = 0;
    fc.assert(
      fc.property(
        schema.filter((one) => typeof one === "object") as fc.Arbitrary<object>,
        value,
        (of, given) => {
          const quick = quickCheckOf(of);
          const fits = Check(of, given);
          if (quick !== undefined) compiled += 1;
          if (quick?.(given)) {
            accepted += 1;
            expect(fits).toBe(true);
          }
          expect(checkSchema(of, given).length === 0).toBe(fits);
        },
      ),
      { numRuns: 5000 },
    );
    // Otherwise nothing was compared.
    expect(compiled).toBeGreaterThan(1000);
    expect(accepted).toBeGreaterThan(300);
  });

  it("agrees exactly with the interpreter where neither lengths nor inherited names are asked for", () => {
    const ours = ["a", "b", "c", "ab"];
    const flat = fc.record(
      {
        type: fc.constant("object"),
        required: fc.subarray(ours, { maxLength: 2 }),
        properties: fc.dictionary(
          fc.constantFrom(...ours),
          fc.constantFrom<object>(
            { type: "string", pattern: "^a" },
            { enum: [0, 1, null] },
            { items: { const: 1 } },
          ),
        ),
        patternProperties: fc.dictionary(patterns, fc.constantFrom<object>({ type: "string" }, {})),
        additionalProperties: fc.constantFrom<object | boolean>(false, true, { type: "integer" }),
      },
      { requiredKeys: ["type"] },
    );
    const given = fc.dictionary(
      fc.constantFrom(...ours, "d"),
      fc.oneof(plain, fc.array(plain, { maxLength: 2 })),
    );
    fc.assert(
      fc.property(flat, given, (of, document) => {
        expect(quickCheckOf(of)?.({ ...document })).toBe(Check(of, { ...document }));
      }),
      { numRuns: 3000 },
    );
  });

  it("exists for every published schema: no receipt pays for the interpreter", () => {
    const without = Object.entries(schemas).filter(([, of]) => quickCheckOf(of) === undefined);
    expect(without.map(([name]) => name)).toEqual([]);
    expect(quickCheckOf(receiptPredicateSchema)).toBeDefined();
    expect(quickCheckOf(gateRecordSchema)).toBeDefined();
  });

  it.each<[string, object]>([
    ["a reference", { $ref: "#/$defs/a" }],
    ["a definition", { $defs: {} }],
    ["`not`", { not: {} }],
    ["`oneOf`, whose answer a strict branch would turn round", { oneOf: [{}] }],
    ["a name that every object has", { properties: { toString: {} } }],
    ["a keyword that every object has", { constructor: {} }],
    ["a type that every object has", { type: "constructor" }],
    ["a pattern that is none", { pattern: "(" }],
    ["an array as a constant", { const: [] }],
    ["what is no schema, deep down", { anyOf: [{ items: [{}] }] }],
    ["a refinement that cannot be called", { "~refine": [{}] }],
  ])("is not made for %s", (_what, of) => {
    expect(quickCheckOf(of)).toBeUndefined();
  });

  it("leaves class instances and inherited members to the interpreter", () => {
    class Given {
      a = 1;
    }
    const of = { type: "object", required: ["a"], properties: { a: { type: "integer" } } };
    expect(quickCheckOf(of)?.(new Given())).toBe(false);
    expect(quickCheckOf(of)?.(Object.create({ a: 1 }))).toBe(false);
    expect(checkSchema(of, new Given())).toEqual([]);
  });
});
