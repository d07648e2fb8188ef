import { describe, expect, it } from "vitest";
import { describeOperations, selectOperations } from "../../contract/openapi/describe-operations.ts";
import type { Operation } from "../../contract/openapi/operation.ts";
import { sliceOperation } from "../../contract/openapi/slice-operation.ts";
import type { Json, JsonObject } from "../../format/json.ts";
import { operationCheck } from "./check-value.ts";

const REF = { $ref: "#/components/schemas/Filter" };

/** An operation that answers with a `Filter`. */
function answering(schemas: JsonObject): Operation {
  const content = { "application/json": { schema: REF } };
  const description = describeOperations({
    openapi: "3.0.3",
    info: { title: "Filters", version: "1" },
    paths: { "/x": { get: { operationId: "x", responses: { 200: { description: "", content } } } } },
    components: { schemas },
  });
  const [listed] = selectOperations(description, ["x"]);
  if (listed === undefined) throw new TypeError("there is no operation");
  return sliceOperation(description, listed).operation;
}

function nested(levels: number): Json {
  let value: Json = { op: "and" };
  for (let level = 0; level < levels; level++) value = { op: "and", arg: value };
  return value;
}

const branch = (op: string) => ({
  type: "object",
  required: ["op"],
  properties: { arg: REF, op: { type: "string", enum: [op] } },
});

describe("operationCheck", () => {
  const operation = answering({ Filter: { oneOf: [branch("and"), branch("or")] } });
  const check = operationCheck(operation);
  const hold = (value: Json) => check("response", schemaOf(operation), value);

  it("holds values against alternatives that refer to themselves", () => {
    expect(hold(nested(6))).toEqual([]);
    expect(hold({ op: "and", arg: { op: "nor" } })).not.toEqual([]);
    expect(hold(Array.from({ length: 3 }, () => nested(1)))).not.toEqual([]);
  });

  it("gives up on a value whose check would double with each of its levels", () => {
    const started = performance.now();
    const misfits = hold(nested(60));
    expect(misfits).toEqual([{ path: "", message: "takes too many steps to be held against its schema" }]);
    expect(performance.now() - started).toBeLessThan(5000);
    // And what it was given for that value is not missing for the next.
    expect(hold(nested(6))).toEqual([]);
  });
});

function schemaOf(operation: Operation): Json {
  return operation.responses["200"]?.content?.["application/json"]?.schema as Json;
}
