import { expect, it } from "vitest";
import { checkSchema } from "./check-schema.ts";
import { parseContract } from "./parse-contract.ts";
import { schemaHeader, schemas } from "./schemas.ts";
import { contractText } from "./testing/documents.ts";

it("every published schema says its dialect and its own name, and is closed", () => {
  for (const [file, schema] of Object.entries(schemas)) {
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: `https://witnessops.dev/schemas/${file}`,
      additionalProperties: false,
    });
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  }
});

it("the published schema of a contract accepts one and refuses another", () => {
  const schema = schemas["contract.schema.json"] ?? {};
  const contract = parseContract(contractText);
  expect(checkSchema(schema, contract)).toEqual([]);
  expect(checkSchema(schema, { ...contract, effect: "huge" })).toHaveLength(1);
});

it("the editor header names a schema that is published", () => {
  expect(schemaHeader("contract")).toBe("# yaml-language-server: $schema=../schemas/contract.schema.json");
  expect(schemas[schemaHeader("runbook", "x").split("/").at(-1) ?? ""]).toBeDefined();
});
