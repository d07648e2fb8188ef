import { expect, it } from "vitest";
import { loadGenerator } from "./load-generator.ts";

const cyclic = {
  $ref: "#/$defs/node",
  $defs: {
    node: {
      type: "object",
      required: ["name", "children"],
      properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/node" } } },
    },
  },
};

it("makes the same of the same, and an end of what refers to itself", async () => {
  const { name, generate } = await loadGenerator();
  expect(name).toMatch(/^json-schema-faker 0\.6\.\d+$/);
  const made = generate(cyclic, 2);
  expect(made).toMatchObject({ name: expect.any(String), children: expect.any(Array) });
  expect(generate(cyclic, 2)).toEqual(made);
  expect(JSON.stringify(made).length).toBeLessThan(10_000);
});

it("leaves out what may be left out, in the first value", async () => {
  const { generate } = await loadGenerator();
  const schema = {
    type: "object",
    required: ["a"],
    properties: { a: { type: "integer" }, b: { type: "integer" } },
  };
  expect(Object.keys(generate(schema, 1) as object)).toEqual(["a"]);
});

it("refuses what it makes nothing of, and follows no reference outside", async () => {
  const { generate } = await loadGenerator();
  for (const $ref of ["#/$defs/nobody", "https://elsewhere.example/schema.json"])
    expect(() => generate({ $ref }, 1)).toThrow(expect.objectContaining({ code: "REFUSED" }));
});
