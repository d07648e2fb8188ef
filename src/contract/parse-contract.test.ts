import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../format/json.ts";
import type { Contract } from "./contract.ts";
import { ContractError } from "./contract-error.ts";
import { digestOfDocument } from "./digest-document.ts";
import type { Fault } from "./fault.ts";
import { contractFromJson, parseContract } from "./parse-contract.ts";
import { contractText } from "./testing/documents.ts";

const good = parseContract(contractText);

function faultsOf(run: () => unknown): readonly Fault[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ContractError) return error.faults;
    throw error;
  }
  throw new Error("it was accepted");
}

/** The good contract with the value at `path` replaced (undefined: removed). */
function changed(path: readonly (string | number)[], value: Json | undefined): Json {
  const copy = structuredClone(good) as unknown as Json;
  let at = copy as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) at = at[part] as Record<string | number, unknown>;
  const last = path.at(-1) ?? "";
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

it("reads a contract, as authored and frozen to the bottom", () => {
  expect(good.id).toBe("tls.inspect");
  expect(Object.isFrozen(good.execution.retry)).toBe(true);
  expect(good.errors[0]).not.toHaveProperty("default");
  expect(contractFromJson(structuredClone(good) as unknown as Json)).toEqual(good);
});

it("has the same digest from YAML and from JSON", () => {
  const json = parseContract(JSON.stringify(good));
  expect(digestOfDocument(json)).toBe(digestOfDocument(good));
  expect(digestOfDocument(parseContract(contractText.replace("10s", "11s")))).not.toBe(
    digestOfDocument(good),
  );
});

describe("names the missing part", () => {
  const parts = [
    ...[
      "apiVersion",
      "kind",
      "id",
      "version",
      "title",
      "purpose",
      "effect",
      "inputs",
      "outputs",
      "errors",
      "scope",
    ],
    ...["authority", "execution", "evidence", "failure", "boundary", "attests", "doesNotAttest"],
  ];
  it.each(parts)("%s", (part) => {
    expect(faultsOf(() => contractFromJson(changed([part], undefined)))).toContainEqual(
      expect.objectContaining({ path: part, code: "required" }),
    );
  });

  it("all of them at once", () => {
    const paths = faultsOf(() => contractFromJson({})).map(({ path }) => path);
    expect(paths.sort()).toEqual([...parts].sort());
  });
});

describe("reports", () => {
  it.each<[string, (string | number)[], Json, string, string]>([
    ["a wrong type", ["title"], 5, "title", "type"],
    ["an unknown field", ["extra"], 1, "extra", "unknown-field"],
    ["an unknown nested field", ["execution", "tiemout"], "1s", "execution.tiemout", "unknown-field"],
    ["an unknown effect", ["effect"], "boom", "effect", "value"],
    ["an effect of the wrong type", ["effect"], 3, "effect", "value"],
    [
      "an unknown class in retry.on",
      ["execution", "retry", "on"],
      ["NOPE"],
      "execution.retry.on[0]",
      "unknown-reference",
    ],
    ["retry of what is unsafe", ["execution", "idempotency"], "unsafe", "execution.retry.attempts", "value"],
    ["CEL that does not parse", ["errors", 0, "when"], "error.code ==", "errors[0].when", "cel"],
    ["a variable that is not there", ["errors", 0, "when"], "result.x == 1", "errors[0].when", "cel"],
    ["CEL of certain type error", ["execution", "with", "port"], "1 + 'a'", "execution.with.port", "cel"],
    [
      "a variable in the wrong place",
      ["execution", "with", "port"],
      "result.port",
      "execution.with.port",
      "cel",
    ],
    ["CEL in a subject", ["scope", "subjects", 0, "from"], "host", "scope.subjects[0].from", "cel"],
    ["a class twice", ["errors", 1, "class"], "CONNECT_TIMEOUT", "errors[1].class", "duplicate"],
    ["a reserved class on another side", ["errors", 0, "class"], "EGRESS_REFUSED", "errors[0].side", "value"],
    [
      "a reserved artifact name",
      ["evidence", "artifacts", 0, "name"],
      "result",
      "evidence.artifacts[0].name",
      "value",
    ],
    [
      "the other reserved name",
      ["evidence", "artifacts", 0, "name"],
      "gate-record",
      "evidence.artifacts[0].name",
      "value",
    ],
    [
      "an artifact over the total",
      ["evidence", "artifacts", 0, "maxBytes"],
      "11MB",
      "evidence.artifacts[0].maxBytes",
      "value",
    ],
    [
      "a sensitive input",
      ["inputs", "properties", "host"],
      { type: "string", sensitive: true },
      "inputs.properties.host.sensitive",
      "unsupported",
    ],
    [
      "a reference in a schema",
      ["inputs", "properties", "host"],
      { $ref: "#/x" },
      'inputs.properties.host["$ref"]',
      "data-schema",
    ],
    [
      "a pattern RE2 refuses",
      ["inputs", "properties", "host"],
      { type: "string", pattern: "(?=a)" },
      "inputs.properties.host.pattern",
      "data-schema",
    ],
    ["a deadline of nothing", ["execution", "timeout"], "0s", "execution.timeout", "value"],
    ["a duration without a unit", ["execution", "timeout"], "10", "execution.timeout", "value"],
    [
      "a quorum of nobody",
      ["authority", "approval"],
      { quorum: 0, roles: ["approver"] },
      "authority.approval.quorum",
      "value",
    ],
    [
      "a quorum of operators",
      ["authority", "approval"],
      { quorum: 2, roles: ["operator"] },
      "authority.approval.roles",
      "value",
    ],
    ["a rule that is none", ["authority", "approval"], "maybe", "authority.approval", "type"],
    ["a port out of range", ["scope", "endpoints", 0, "port"], 70000, "scope.endpoints[0].port", "value"],
  ])("%s", (_name, at, value, path, code) => {
    expect(faultsOf(() => contractFromJson(changed(at, value)))).toContainEqual(
      expect.objectContaining({ path, code }),
    );
  });

  it("a secret artifact of a call that is given its result in the clear", () => {
    const manual = changed(["execution", "adapter"], "manual") as unknown as Contract;
    const [artifact] = manual.evidence.artifacts;
    const secret = { ...manual.evidence, artifacts: [{ ...artifact, sensitivity: "secret" }] };
    expect(
      faultsOf(() => contractFromJson({ ...manual, evidence: secret } as unknown as Json)),
    ).toContainEqual(
      expect.objectContaining({ path: "evidence.artifacts[0].sensitivity", code: "unsupported" }),
    );
  });

  it("an artifact name twice", () => {
    const twice = [good.evidence.artifacts[0], good.evidence.artifacts[0]] as unknown as Json;
    expect(faultsOf(() => contractFromJson(changed(["evidence", "artifacts"], twice)))).toEqual([
      expect.objectContaining({ path: "evidence.artifacts[1].name", code: "duplicate" }),
    ]);
  });

  it("faults of shape and of meaning together, each with its line", () => {
    const text = contractText
      .replace("effect: read", "effect: huge")
      .replace("error.phase == 'tls'", "phase == 'tls'")
      .replace("on: [CONNECT_TIMEOUT]", "on: [OTHER]")
      .replace("adapter: tls", "adapter: tls\n  colour: red");
    const faults = faultsOf(() => parseContract(text, { file: "tls.yaml" }));
    expect(faults.map(({ path, line, code }) => [path, line, code])).toEqual([
      ["effect", 8, "value"],
      ["errors[1].when", 31, "cel"],
      ["execution.colour", 45, "unknown-field"],
      ["execution.retry.on[0]", 49, "unknown-reference"],
    ]);
  });

  it("the file, the lines and what to do in its message", () => {
    const run = () =>
      parseContract(contractText.replace("effect: read", "effect: huge"), { file: "tls.yaml" });
    expect(run).toThrow("tls.yaml: 8:1 `effect`: must be one of `read`, `write`, `intrusive`, `destructive`");
  });

  it.each(["", "5", "[]", "null", "a string"])("what is no object: %j", (text) => {
    expect(faultsOf(() => parseContract(text))).toHaveLength(1);
  });
});

it("throws nothing but ContractError, whatever stands where", () => {
  const paths = pathsOf(good as unknown as Json, []);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 3 }), (path, value) => {
      try {
        contractFromJson(path.length === 0 ? (value as Json) : changed(path, value as Json));
      } catch (error) {
        expect(error).toBeInstanceOf(ContractError);
      }
    }),
    { numRuns: 500 },
  );
});

function pathsOf(value: Json, at: (string | number)[]): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [at];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [at, ...entries.flatMap(([key, child]) => pathsOf(child as Json, [...at, key]))];
}
