import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../format/canonical-json.ts";
import type { Json, JsonObject } from "../format/json.ts";
import { celContext, compileCel, evaluateCel } from "./cel.ts";
import { evaluateTree } from "./cel-tree.ts";

const context: JsonObject = {
  s: "example.com",
  n: 443,
  d: 1.5,
  b: true,
  z: null,
  items: [1, 2, 3],
  obj: { b: 1, a: { c: "x" } },
  big: 1e300,
};

/** Cases of the CEL specification's conformance suite that concern contracts, in our terms. */
describe("CEL evaluates", () => {
  it.each<[string, Json]>([
    ["n + 1", 444],
    ["n / 2", 221],
    ["-7 % 3", -1],
    ["d * 2.0", 3],
    ["n == 443.0", true],
    ["n < 443.5", true],
    ["big > 1.0", true],
    ["s + ':' + string(n)", "example.com:443"],
    ["s.startsWith('ex') && s.endsWith('.com') && s.contains('ple')", true],
    ["s.matches('^[a-z.]+$')", true],
    ["s.matches('mpl')", true],
    ["size(s) == 11 && s.size() == 11", true],
    ["size('💥')", 1],
    ["'a' < 'b' && [1, 2] == [1, 2] && {'a': 1} == {'a': 1}", true],
    ["n in [80, 443]", true],
    ["'a' in obj", true],
    ["has(obj.a) && !has(obj.q)", true],
    ["has(obj.a.c) ? obj.a.c : 'none'", "x"],
    ["obj['a'].c", "x"],
    ["items[1]", 2],
    ["items.map(x, x * 2)", [2, 4, 6]],
    ["items.map(x, x > 1, x * 2)", [4, 6]],
    ["items.filter(x, x > 1)", [2, 3]],
    ["items.all(x, x > 0) && items.exists(x, x == 3) && items.exists_one(x, x == 2)", true],
    ["[].all(x, x == 1)", true],
    ["items + [4]", [1, 2, 3, 4]],
    ["[1, 'a', null, true]", [1, "a", null, true]],
    ["{'k': z, 'l': items}", { k: null, l: [1, 2, 3] }],
    ["z == null", true],
    ["b ? 'yes' : 'no'", "yes"],
    ["false && obj.q == 1", false],
    ["obj.q == 1 || true", true],
    ["obj.q == 1 && false", false],
    ["int('42') + int(d)", 43],
    ["double(n)", 443],
    ["bool('true')", true],
    ["type(n) == int && type(s) == string", true],
    ["'A,B'.lowerAscii().split(',')", ["a", "b"]],
    ["'Ä'.lowerAscii()", "Ä"],
    ["['a', 'b'].join('-')", "a-b"],
    ["timestamp('2026-01-31T00:00:00+01:00').getDayOfMonth()", 29],
    ["timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-01T00:00:01Z')", true],
    ["string(timestamp('2026-01-01T01:00:00+01:00'))", "2026-01-01T00:00:00.000Z"],
    ["duration('90s') == duration('1m30s')", true],
    [String.raw`'\u00e4\n\x41'`, "ä\nA"],
    [String.raw`r'\d'`, "\\d"],
    ["// comment\n1", 1],
  ])("%s", (text, value) => {
    expect(evaluateCel(text, context)).toEqual({ ok: true, value });
    // A second time: the library specialises nodes on first use.
    expect(evaluateCel(text, context)).toEqual({ ok: true, value });
  });
});

describe("CEL gives an error value for", () => {
  it.each([
    ["a missing member", "obj.q", /No such key/],
    ["an index out of range", "items[3]", /out of bounds/],
    ["division by zero", "1 / 0", /division by zero/],
    ["overflow", "9223372036854775807 + 1", /overflow/],
    ["an integer JSON cannot hold", "9007199254740991 + 1", /beyond 2\^53/],
    ["a double that is not finite", "1.0 / 0.0", /not finite/],
    ["a timestamp without an offset", "timestamp('2026-01-01T00:00:00.000')", /offset/],
    ["a result that is no JSON", "timestamp('2026-01-01T00:00:00Z')", /no JSON form/],
    ["a pattern RE2 refuses", "s.matches('(?=a)')", /RE2/],
    ["a prototype's member", "obj.constructor", /No such key/],
    ["another prototype's member", "obj.__proto__", /No such key|__proto__/],
    ["no overload", "s + dyn(n)", /overload/],
    ["a condition that is no bool", "dyn(n) ? 1 : 2", /bool/],
  ])("%s", (_name, text, message) => {
    const result = evaluateCel(text, context);
    expect(result.ok).toBe(false);
    expect(result.ok ? "" : result.message).toMatch(message);
  });
});

describe("CEL refuses before it runs", () => {
  it.each([
    ["nothing", ""],
    ["half an expression", "s =="],
    ["an unknown variable", "t.x"],
    ["an unknown function", "now()"],
    ["an unknown method", "s.reverse()"],
    ["`cel.bind`", "cel.bind(x, 1, x)"],
    ["optional values", "optional.of(s)"],
    ["optional access", "obj.?a"],
    ["bytes", "b'a'"],
    ["unsigned integers", "1u"],
    ["a time zone", "timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin')"],
    ["three comprehensions deep", "items.map(x, items.map(y, items.map(z, 1)))"],
    ["a certain type error", "1 + 'a'"],
    ["more than 500 nodes", Array.from({ length: 300 }, () => "1").join("+")],
    ["deep nesting", `${"(".repeat(41)}1${")".repeat(41)}`],
    ["computed obj keys", "{s: 1}"],
    ["a `__proto__` key", "{'__proto__': 1}"],
    ["a loop variable outside its loop", "items.map(x, x) == [x]"],
  ])("%s", (_name, text) => {
    expect(compileCel(text, Object.keys(context))).toMatchObject({ ok: false, message: expect.any(String) });
  });

  it("and names every unknown variable at once", () => {
    const compiled = compileCel("one + two", ["inputs"]);
    expect(compiled.ok ? "" : compiled.message).toMatch(/`one`.*`two`/);
  });
});

describe("CEL does not explode", () => {
  const thousand = Array.from({ length: 1000 }, (_, i) => i);
  const hostile: JsonObject = {
    l: thousand,
    m: Array.from({ length: 1001 }, () => 0),
    s: "a".repeat(500_000),
  };
  it.each([
    ["a thousand times a thousand", "l.map(x, l.map(y, x * y).size())"],
    ["long texts compared again and again", "l.map(x, l.exists(y, s + string(y) == s + string(x)))"],
    ["long texts counted again and again", "l.map(x, l.map(y, s.size()))"],
    ["nested loops over more than 1,000", "m.map(x, m.map(y, 1))"],
    ["a text split into letters", "s.split('')"],
    ["texts that double", "l.map(x, s + s + s)"],
    ["a result over 1 MiB", "[s, s, s]"],
    ["deep comparisons", "l.map(x, [l, l, l, l] == [l, l, l, l])"],
    ["a hostile pattern", "l.map(x, s.matches('(a*)*b(a|aa)+$'))"],
  ])("on %s", (_name, text) => {
    const started = performance.now();
    const first = evaluateCel(text, hostile);
    expect(first).toMatchObject({ ok: false });
    expect(performance.now() - started).toBeLessThan(5000);
    expect(evaluateCel(text, hostile)).toEqual(first);
  });

  it.each(["s.matches('(a|b)*a(a|b){900}[cd]')", "l.map(x, t.matches('a.{60}[c-e]'))"])("on %s", (text) => {
    const mixed = Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 13 < 6 ? "a" : "b")).join("");
    const started = performance.now();
    const first = evaluateCel(text, { l: thousand, s: mixed, t: mixed.slice(0, 5000) });
    expect(first).toMatchObject({ ok: false });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("on a pattern that would backtrack for ever", () => {
    expect(evaluateCel("s.matches('^(a+)+$')", { s: `${"a".repeat(5000)}b` })).toEqual({
      ok: true,
      value: false,
    });
  });
});

it("gives the same whatever the order of members", () => {
  const text = "m.map(k, k)";
  expect(evaluateCel(text, { m: { b: 1, a: 2 } })).toEqual(evaluateCel(text, { m: { a: 2, b: 1 } }));
});

it("tells which members of a variable are read", () => {
  const compiled = compileCel("steps.dns.outputs + steps['a-b'].outputs + steps[inputs.x].y", [
    "inputs",
    "steps",
  ]);
  const members = compiled.ok ? compiled.program.members : new Map();
  expect([...(members.get("steps") ?? [])]).toEqual(["dns", "a-b", "*"]);
  expect([...(members.get("inputs") ?? [])]).toEqual(["x"]);
});

it("never throws, whatever the text", () => {
  const token = fc.constantFrom(
    "s",
    "n",
    "items",
    "obj",
    ".",
    "(",
    ")",
    "[",
    "]",
    "'a'",
    "+",
    "==",
    "?",
    ":",
    "1",
    ".map(x, ",
    "has(",
    " ",
    "{",
    "}",
    ",",
    "!",
    "-",
    "in",
    "&&",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join("")),
  );
  fc.assert(
    fc.property(text, (input) => {
      expect(typeof evaluateCel(input, context).ok).toBe("boolean");
    }),
    { numRuns: 1000 },
  );
});

it("gives any JSON back as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const json = JSON.parse(JSON.stringify(value)) as Json;
      fc.pre(JSON.stringify(json).isWellFormed());
      const result = evaluateCel("v", { v: json });
      if (result.ok) expect(canonicalJson(result.value)).toBe(canonicalJson(json));
      else expect(result.message).toMatch(/Unicode/);
    }),
  );
});

describe("evaluateTree", () => {
  it("evaluates strings, keeps the rest, and keeps what is null", () => {
    const tree = { a: "inputs.x", b: { c: ["inputs.y", 3, null, true] }, d: "null" };
    expect(evaluateTree(tree, ["inputs"], { inputs: { x: 1, y: "2" } })).toEqual({
      ok: true,
      value: { a: 1, b: { c: ["2", 3, null, true] }, d: null },
    });
  });

  it("lists every fault with its path", () => {
    const result = evaluateTree({ a: "inputs.q", b: ["nope"] }, ["inputs"], { inputs: {} }, ["with"]);
    expect(result.ok ? [] : result.faults.map(({ path }) => path)).toEqual(["with.a", "with.b[0]"]);
  });

  it("does not let a value become an expression", () => {
    expect(evaluateTree({ a: "inputs.x" }, ["inputs"], { inputs: { x: "1 + 1" } })).toEqual({
      ok: true,
      value: { a: "1 + 1" },
    });
  });

  it("shares one context among programs", () => {
    const compiled = compileCel("inputs.n + 1", ["inputs"]);
    const shared = celContext({ inputs: { n: 1 } });
    expect(compiled.ok && compiled.program.evaluateIn(shared)).toEqual({ ok: true, value: 2 });
  });
});
