import { describe, expect, it } from "vitest";
import type { Json } from "../format/json.ts";
import { compileDataSchema, inspectDataSchema } from "./data-schema.ts";

describe("inspectDataSchema refuses", () => {
  const nested = (depth: number): Json =>
    depth === 0 ? { type: "string" } : { type: "array", items: nested(depth - 1) };
  const wide = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`p${i}`, { type: "string" }]));
  it.each<[string, Json, (string | number)[]]>([
    ["a reference", { $ref: "#" }, ["$ref"]],
    ["`patternProperties`", { patternProperties: {} }, ["patternProperties"]],
    ["`not`", { not: {} }, ["not"]],
    ["`if`", { properties: { a: { if: {} } } }, ["properties", "a", "if"]],
    ["an unknown type", { type: "text" }, ["type"]],
    ["no type at all in a list", { type: [] }, ["type"]],
    ["a negative length", { minLength: -1 }, ["minLength"]],
    ["a length that is no number", { minLength: "1" }, ["minLength"]],
    ["a look-ahead", { pattern: "(?=a)a" }, ["pattern"]],
    ["a back-reference", { pattern: "(a)\\1" }, ["pattern"]],
    ["an unknown format", { format: "regex" }, ["format"]],
    ["a schema that is a boolean", { properties: { a: true } }, ["properties", "a"]],
    ["an empty enum", { enum: [] }, ["enum"]],
    ["a default that does not fit", { type: "integer", default: "x" }, ["default"]],
    ["what is sensitive", { properties: { a: { sensitive: true } } }, ["properties", "a", "sensitive"]],
    ["a member's name with a slash", { properties: { "a/b": {} } }, ["properties", "a/b"]],
    [
      "a prototype's name",
      { properties: JSON.parse('{"__proto__": {"type": "x"}}') as Json },
      ["properties", "__proto__", "type"],
    ],
    ["what is no schema", 5, []],
  ])("%s", (_name, schema, path) => {
    expect(inspectDataSchema(schema, []).map((fault) => fault.path)).toContainEqual(path);
  });

  it("too deep and too many", () => {
    expect(inspectDataSchema(nested(16), [])).toEqual([]);
    expect(inspectDataSchema(nested(17), [])).toHaveLength(1);
    expect(inspectDataSchema({ properties: wide }, [])).toHaveLength(1);
  });
});

describe("compileDataSchema", () => {
  const schema = compileDataSchema({
    type: "object",
    additionalProperties: false,
    required: ["host"],
    properties: {
      host: { type: "string", minLength: 1, maxLength: 10, pattern: "^[a-z.]+$" },
      port: { type: "integer", minimum: 1, maximum: 65535, default: 443 },
      at: { type: "string", format: "date-time" },
      tags: {
        type: "array",
        maxItems: 2,
        items: { type: "object", properties: { k: { type: "string", default: "v" } } },
      },
      either: { anyOf: [{ type: "string" }, { type: "null" }] },
    },
  });

  it("accepts what fits", () => {
    expect(
      schema.check({ host: "a.b", port: 1, at: "2026-01-01T00:00:00Z", tags: [], either: null }),
    ).toEqual([]);
  });

  it("lists every fault with its path", () => {
    const value = { port: 0, at: "yesterday", tags: [1, 2, 3], either: 5, more: 1 };
    expect(
      schema
        .check(value)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(["at", "either", "host", "more", "port", "tags", "tags[0]", "tags[1]", "tags[2]"]);
  });

  it("fills in defaults at any depth and leaves the value alone", () => {
    const value = { host: "a", tags: [{}] };
    expect(schema.applyDefaults(value)).toEqual({ host: "a", port: 443, tags: [{ k: "v" }] });
    expect(value).toEqual({ host: "a", tags: [{}] });
  });

  it("runs patterns in linear time", () => {
    const hostile = compileDataSchema({
      type: "object",
      properties: { a: { type: "string", pattern: "^(a+)+$" } },
    });
    expect(hostile.check({ a: `${"a".repeat(20_000)}b` })).toHaveLength(1);
  });

  it.each([
    ["date-time", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00"],
    ["hostname", "example.com", "exa mple"],
    ["hostname", "xn--bcher-kva.example", "127.0.0.1"],
    ["ipv4", "192.0.2.1", "0300.0.2.1"],
    ["ipv6", "2001:db8::1", "192.0.2.1"],
    ["uri", "https://example.com/", "example.com"],
    ["email", "a@example.com", "a@"],
  ])("format %s takes %s and not %s", (format, good, bad) => {
    const one = compileDataSchema({ type: "object", properties: { v: { type: "string", format } } });
    expect(one.check({ v: good })).toEqual([]);
    expect(one.check({ v: bad })).toHaveLength(1);
  });
});
