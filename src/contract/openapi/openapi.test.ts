import { describe, expect, it } from "vitest";
import { petstoreYaml } from "../../../test/fixtures/petstore.ts";
import type { JsonObject } from "../../format/json.ts";
import { inspectDataSchema } from "../data-schema.ts";
import { lintContract } from "../lint-contract.ts";
import { contractFromJson } from "../parse-contract.ts";
import { describeOperations, selectOperations } from "./describe-operations.ts";
import { draftOpenapiContract } from "./draft-openapi-contract.ts";
import { embedDocuments } from "./embed-documents.ts";
import type { Operation } from "./operation.ts";
import { driftOfOperation } from "./operation-drift.ts";
import { readDescription } from "./read-description.ts";
import { sliceOperation } from "./slice-operation.ts";

const minimal = (more: JsonObject = {}, schema: unknown = { type: "string" }): JsonObject => ({
  openapi: "3.1.0",
  info: { title: "Mini", version: "1" },
  servers: [{ url: "https://mini.example" }],
  paths: {
    "/x": {
      get: {
        operationId: "getX",
        responses: { 200: { description: "ok", content: { "application/json": { schema } } } },
      },
    },
  } as never,
  ...more,
});

function slice(value: JsonObject, name = "getX"): Operation {
  const description = describeOperations(value);
  const [listed] = selectOperations(description, [name]);
  if (listed === undefined) throw new Error("there is no operation");
  return sliceOperation(description, listed).operation;
}

const schemaOf = (operation: Operation) => operation.responses["200"]?.content?.["application/json"]?.schema;
const withSchemas = (schemas: JsonObject, schema: JsonObject, openapi = "3.1.0") =>
  minimal({ openapi, components: { schemas } }, schema);

describe("descriptions that are none", () => {
  it.each<[string, string, RegExp]>([
    ["text", "just some text", /is not an object/],
    ["nothing", "", /is not an object/],
    ["broken JSON", '{"openapi": ', /neither JSON nor YAML: line 1/],
    ["binary", "\u0000\u0001\u0002", /the description/],
    ["a version as a number", "openapi: 3.0\npaths: {}", /says `openapi: 3`, which is no text/],
    ["another version", 'openapi: "4.0.0"', /`openapi: 4.0.0` is not read/],
    ["no version", "info: {}", /has neither `openapi` nor `swagger`/],
    ["no operations", 'openapi: "3.1.0"\npaths: {}', /has no operation/],
    ["paths that are a list", 'openapi: "3.1.0"\npaths: []', /`\/paths` must be an object/],
    ["a key twice", 'openapi: "3.1.0"\nopenapi: "3.0.0"', /line 2, has the key `openapi` twice/],
    ["a key that is a list", "? [a]\n: b", /has a key that is no text/],
    ["deep nesting", `${'{"a":'.repeat(150)}1${"}".repeat(150)}`, /nested deeper than 100/],
    ["an alias of nothing", "a: *b", /alias|unresolved/i],
  ])("%s", (_what, text, message) => {
    expect(() => describeOperations(readDescription(text))).toThrow(message);
  });

  it.each<[string, string, RegExp]>([
    ["brackets without end", "[".repeat(1_000_000), /is not an object/],
    ["braces without end", '{"a":'.repeat(400_000), /is no JSON/],
    ["JSON that is cut off", `{"a":[${"1,".repeat(2_000_000)}`, /is no JSON/],
    ["too much YAML", `a: ${"x".repeat(9_000_000)}`, /larger than 8 MiB as YAML/],
    ["too much JSON", `{"a":"${"x".repeat(34_000_000)}"}`, /larger than 32 MiB/],
    ["too many values", `{"a":[${"1,".repeat(3_100_000)}1]}`, /more than 3000000 values/],
  ])("refuses %s, in seconds", (_what, text, message) => {
    const began = performance.now();
    expect(() => readDescription(text)).toThrow(message);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("refuses aliases that expand without end, at once", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(10).slice(0, -2)}]`);
    const began = performance.now();
    expect(() => readDescription(lines.join("\n"))).toThrow(/more than 3000000 values/);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it("names operations that share an `operationId`, and takes them by method and path", () => {
    const twice = readDescription(
      JSON.stringify(minimal()).replace(
        '"paths":{',
        '"paths":{"/y":{"get":{"operationId":"getX","responses":{"204":{"description":""}}}},',
      ),
    );
    const description = describeOperations(twice);
    expect(() => selectOperations(description, [])).toThrow(/`getX` to `GET \/y` and `GET \/x`/);
    expect(() => selectOperations(description, ["getX"])).toThrow(/`getX` to/);
    expect(selectOperations(description, ["get /x"])).toHaveLength(1);
    expect(() => selectOperations(description, ["nobody"])).toThrow(/no operation `nobody`/);
  });
});

describe("references", () => {
  it("takes recursive schemas, and long chains of them", () => {
    const schemas: Record<string, JsonObject> = {
      Node: { properties: { next: { $ref: "#/components/schemas/Node" } } },
    };
    for (let i = 0; i < 4000; i++)
      schemas[`C${i}`] = { properties: { c: { $ref: `#/components/schemas/C${i + 1}` } } };
    schemas.C4000 = { type: "string" };
    expect(Object.keys(slice(withSchemas(schemas, { $ref: "#/components/schemas/Node" })).$defs)).toEqual([
      "Node",
    ]);
    expect(Object.keys(slice(withSchemas(schemas, { $ref: "#/components/schemas/C0" })).$defs)).toHaveLength(
      4001,
    );
  });

  it.each<[string, JsonObject, RegExp]>([
    ["itself", { A: { $ref: "#/components/schemas/A" } }, /points to itself/],
    [
      "itself by another",
      { A: { $ref: "#/components/schemas/B" }, B: { $ref: "#/components/schemas/A" } },
      /points to itself/,
    ],
    ["nothing", { A: { $ref: "#/components/schemas/None" } }, /leads to nothing/],
    ["a prototype", { A: { $ref: "#/components/schemas/constructor/name" } }, /leads to nothing/],
    [
      "another host",
      { A: { $ref: "https://evil.example/x.yaml#/A" } },
      /leads outside the description, and was not fetched/,
    ],
    ["another file", { A: { $ref: "../../etc/passwd" } }, /leads outside/],
    ["an anchor", { A: { $ref: "#here" } }, /names an anchor/],
  ])("refuses one that leads to %s", (_what, schemas, message) => {
    expect(() => slice(withSchemas(schemas, { $ref: "#/components/schemas/A" }))).toThrow(message);
    // Whoever does not need it is not touched, and whoever does is told every time.
    const description = describeOperations(
      withSchemas(schemas, { items: { $ref: "#/components/schemas/A" } }),
    );
    const [listed] = description.operations;
    if (listed === undefined) throw new Error("there is no operation");
    expect(() => sliceOperation(description, listed)).toThrow(message);
    expect(() => sliceOperation(description, listed)).toThrow(message);
  });

  it("embeds other documents when they may be read, by whom they are named", async () => {
    const asked: string[] = [];
    const root = withSchemas({}, { $ref: "common.yaml#/Pet" });
    const whole = await embedDocuments(root, new URL("https://mini.example/api/openapi.json"), (url) => {
      asked.push(url.href);
      return Promise.resolve(
        "Pet: { properties: { id: { $ref: '#/Id' }, back: { $ref: 'openapi.json#/info/title' } } }\nId: { type: string }",
      );
    });
    expect(asked).toEqual(["https://mini.example/api/common.yaml"]);
    const refused = () => slice(whole);
    expect(refused).toThrow(/must be a schema/); // The title is none: the reference led to it.
    const fine = await embedDocuments(root, new URL("https://mini.example/"), () =>
      Promise.resolve("Pet: { type: string }"),
    );
    const { $defs } = slice(fine);
    expect(Object.values($defs)).toEqual([{ type: "string" }]);
  });
});

describe("schemas", () => {
  it("makes OpenAPI 3.0's keywords those of JSON Schema 2020-12", () => {
    const schema = {
      type: "object",
      example: { a: 1 },
      xml: {},
      properties: {
        n: {
          type: "number",
          minimum: 1,
          exclusiveMinimum: true,
          maximum: 5,
          exclusiveMaximum: false,
          nullable: true,
        },
        e: { type: "string", enum: ["a"], nullable: true },
        r: { nullable: true, allOf: [{ type: "string" }] },
        __proto: { type: "string" },
      },
    };
    expect(schemaOf(slice(minimal({ openapi: "3.0.3" }, schema)))).toEqual({
      type: "object",
      properties: {
        n: { type: ["number", "null"], exclusiveMinimum: 1, maximum: 5 },
        e: { type: ["string", "null"], enum: ["a", null] },
        r: { anyOf: [{ allOf: [{ type: "string" }] }, { type: "null" }] },
        __proto: { type: "string" },
      },
    });
  });

  it("reads Swagger 2.0", () => {
    const operation = slice(
      readDescription(`
swagger: "2.0"
info: { title: Old, version: "1" }
host: old.example
basePath: /v2
securityDefinitions: { b: { type: basic } }
security: [{ b: [] }]
paths:
  /pets:
    post:
      operationId: add
      parameters:
        - { name: tags, in: query, type: array, items: { type: string }, collectionFormat: pipes }
        - { name: pet, in: body, required: true, schema: { $ref: "#/definitions/Pet" } }
      responses: { 200: { description: ok, schema: { $ref: "#/definitions/Pet" } } }
definitions: { Pet: { type: object, properties: { name: { type: string } } } }
`),
      "add",
    );
    expect(operation).toMatchObject({
      server: "https://old.example/v2",
      parameters: [{ name: "tags", style: "pipeDelimited", explode: false }],
      body: { required: true, content: { "application/json": { schema: { $ref: "#/$defs/Pet" } } } },
      security: [["b"]],
      schemes: { b: { type: "http", scheme: "basic" } },
      $defs: { Pet: { type: "object" } },
    });
  });

  it("refuses what the adapter cannot do, and names it", () => {
    const upload = readDescription(
      JSON.stringify(minimal()).replace(
        '"responses"',
        '"requestBody":{"content":{"multipart/form-data":{}}},"responses"',
      ),
    );
    expect(() => slice(upload)).toThrow(/`multipart\/form-data`, which is not known/);
    const named = JSON.stringify(minimal()).replace(
      '"responses"',
      '"parameters":[{"name":"__proto__","in":"query"}],"responses"',
    );
    expect(() => slice(readDescription(named))).toThrow(/named `__proto__`/);
    expect(() => slice(minimal({}, { $dynamicRef: "#x" }))).toThrow(/`\$dynamicRef`/);
  });
});

describe("drafts", () => {
  const facts = {
    system: "pets",
    operation: `sha256:${"a".repeat(64)}`,
    description: `sha256:${"b".repeat(64)}`,
    server: undefined,
  };
  const description = describeOperations(readDescription(petstoreYaml));
  it.each(description.operations.map((listed) => [listed.operationId ?? "", listed] as const))(
    "%s is complete once it is decided, and refused before",
    (_name, listed) => {
      const draft = draftOpenapiContract(sliceOperation(description, listed).operation, {
        ...facts,
        name: "op",
      });
      expect(inspectDataSchema(draft.inputs, [])).toEqual([]);
      expect(inspectDataSchema(draft.outputs, [])).toEqual([]);
      expect(() => contractFromJson(draft)).toThrow(/must be one of/);
      const text = JSON.stringify({ ...draft, effect: "write", docUrl: "https://pets.example/" })
        .replace(/"decide: what the call is about[^"]*"/, `"'pets.example'"`)
        .replace(/"decide: safe, idempotent or unsafe"/, '"unsafe"')
        .replace(/decide: /g, "");
      expect(
        lintContract(contractFromJson(JSON.parse(text))).filter(({ level }) => level === "error"),
      ).toEqual([]);
    },
  );
});

describe("lint of such contracts", () => {
  const description = describeOperations(readDescription(petstoreYaml));
  const [listed] = selectOperations(description, ["listPets"]);
  const lint = (more: JsonObject, secrets?: readonly JsonObject[]) => {
    if (listed === undefined) throw new Error("there is no operation");
    const digest = `sha256:${"a".repeat(64)}`;
    const facts = { system: "pets", name: "op", operation: digest, description: digest, server: undefined };
    const draft = draftOpenapiContract(sliceOperation(description, listed).operation, facts);
    const execution = draft.execution as JsonObject;
    const text = JSON.stringify({
      ...draft,
      effect: "read",
      docUrl: "https://pets.example/",
      execution: {
        ...execution,
        with: { ...(execution.with as JsonObject), ...more },
        ...(secrets === undefined ? {} : { secrets }),
      },
    })
      .replace(/"decide: what the call is about[^"]*"/, `"'pets.example'"`)
      .replace(/"decide: safe, idempotent or unsafe"/, '"safe"')
      .replace(/decide: /g, "");
    const findings = lintContract(contractFromJson(JSON.parse(text)));
    return findings.filter(({ level }) => level === "error").map(({ path, message }) => `${path} ${message}`);
  };
  const key = [{ name: "key", ref: "env:KEY", into: { kind: "cookie", name: "sid" } }];

  it("wants an artifact for each page, and a server that is named with a secret", () => {
    expect(lint({})).toEqual([]);
    expect(lint({ pagination: { by: "'link'", maxPages: 3 } })).toEqual([
      expect.stringMatching(/`page-2` is missing/),
      expect.stringMatching(/`page-3` is missing/),
    ]);
    expect(lint({ pagination: { by: "'link'", maxPages: "2 + 1" } })).toEqual([
      expect.stringMatching(/must be a number/),
    ]);
    expect(lint({}, key)).toEqual([]);
    expect(lint({ server: "'http://pets.example'" }, key)).toEqual([
      expect.stringMatching(/must begin with a literal `'https:/),
    ]);
  });
});

describe("drift", () => {
  const base = slice(readDescription(petstoreYaml), "listPets");
  const changed = (from: string, to: string, name = "listPets") => {
    expect(petstoreYaml).toContain(from);
    const old = slice(readDescription(petstoreYaml), name);
    return driftOfOperation(old, slice(readDescription(petstoreYaml.replace(from, to)), name));
  };

  it("knows an operation that is gone", () => {
    expect(driftOfOperation(base, undefined).kind).toBe("gone");
  });

  it("compares each member, although several refer to the same definition", () => {
    const inline = { type: "object", properties: { a: { type: "string" }, force: { type: "boolean" } } };
    const ref = { $ref: "#/components/schemas/S" };
    const named = { type: "object", properties: { a: ref, force: ref } };
    const [old, now] = [slice(minimal({}, inline)), slice(withSchemas({ S: { type: "string" } }, named))];
    expect(driftOfOperation(old, now)).not.toEqual(driftOfOperation(old, old));
    expect(driftOfOperation(old, now).kind).toBe("breaking");
    expect(driftOfOperation(now, old).kind).toBe("breaking");
  });

  it.each<[string, string, string, string]>([
    ["reworded", "summary: Lists pets", "summary: Lists all pets", "listPets"],
    [
      "widened",
      "{ name: page, in: query, schema: { type: integer, minimum: 1 } }",
      "{ name: page, in: query, schema: { type: integer } }",
      "listPets",
    ],
    [
      "widened",
      "{ name: theme, in: cookie",
      "{ name: look, in: query, schema: {} }\n        - { name: theme, in: cookie",
      "listPets",
    ],
    [
      "widened",
      "secret: { type: string, writeOnly: true }",
      "secret: { type: string, writeOnly: true }\n        more: { type: string }",
      "getPet",
    ],
    ["narrowed", "type: integer, minimum: 1 }", "type: integer, minimum: 2 }", "listPets"],
    ["narrowed", "maxLength: 40", "maxLength: 20", "deletePet"],
    ["breaking", "type: integer, minimum: 1 }", "type: string }", "listPets"],
    ["breaking", "{ name: cursor, in: query,", "{ name: cursor, in: query, required: true,", "listPets"],
    ["breaking", "        - { name: cursor, in: query, schema: { type: string } }\n", "", "listPets"],
    ["breaking", "style: pipeDelimited", "style: spaceDelimited", "listPets"],
    ["breaking", "required: [id, name]", "required: [id]", "getPet"],
    ["breaking", "security: [{ basic: [] }]", "security: [{ token: [] }]", "deletePet"],
    ["breaking", "/pets/{petId}:", "/animals/{petId}:", "getPet"],
  ])("%s: %s", (kind, from, to, name) => {
    const drift = changed(from, to, name);
    expect(drift.kind, JSON.stringify(drift.changes)).toBe(kind);
    expect(drift.changes.length > 0).toBe(kind !== "reworded");
  });
});
