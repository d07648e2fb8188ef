import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { inspectDataSchema } from "../data-schema.ts";
import { DECIDE } from "../undecided.ts";
import { type Operation, type OperationParameter, operationName, type SecurityScheme } from "./operation.ts";
import { profileSchema } from "./profile-schema.ts";
import { isJsonType } from "./slice-operation.ts";

/** What a draft says besides the operation itself. */
export interface DraftFacts {
  /** First part of the contract's id. */
  readonly system: string;
  /** Last part of the contract's id. */
  readonly name: string;
  /** Digest of the pinned operation. */
  readonly operation: string;
  /** Digest of the description that it was cut from. */
  readonly description: string;
  /** Base URL that a person gave; default: the operation's own. */
  readonly server: string | undefined;
}

/**
 * Drafts the contract of an operation: complete, with `decide:` at every part that a person must decide. A method hints
 * at an effect and proves none: what is not known counts as destructive until somebody says otherwise.
 */
export function draftOpenapiContract(operation: Operation, facts: DraftFacts): JsonObject {
  const inputs = inputsOf(operation);
  const server = facts.server ?? operation.server ?? undefined;
  const body = successOf(operation);
  const name = operationName(operation);
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id: `${facts.system}.${facts.name}`,
    version: "1.0.0",
    title: (operation.summary ?? name).slice(0, 200),
    purpose: (operation.description ?? operation.summary ?? `${DECIDE} what the operation is for`).slice(
      0,
      4000,
    ),
    system: { name: operation.api.slice(0, 200) },
    effect: `${DECIDE} read, write, intrusive or destructive; ${operation.method} is what the description says, and unknown counts as destructive`,
    inputs: inputs.schema,
    outputs: {
      type: "object",
      additionalProperties: false,
      required: ["status"],
      properties: { status: { type: "integer" }, ...(body === undefined ? {} : { body }) },
    },
    errors: errorsOf(operation),
    scope: {
      subjects: [{ kind: "host", from: `${DECIDE} what the call is about, such as inputs.host` }],
      endpoints: [{ url: server === undefined ? `${DECIDE} where the server is` : quoted(server) }],
      actions: [`one call of ${name}`],
      disallowed: [`${DECIDE} what the operation must never be used for`],
    },
    authority: { roles: ["operator"], approval: "designated" },
    execution: {
      adapter: "openapi",
      with: {
        operation: quoted(facts.operation),
        description: quoted(facts.description),
        server: server === undefined ? `${DECIDE} base URL of the server` : quoted(server),
        ...inputs.given,
      },
      outputs: {
        status: "result.status",
        ...(body === undefined ? {} : { body: "has(result.body) ? result.body : null" }),
      },
      timeout: "30s",
      idempotency: `${DECIDE} safe, idempotent or unsafe`,
      ...secretsOf(operation, facts.system),
    },
    evidence: {
      artifacts: [
        { name: "operation", mediaType: "application/json", required: true, sensitivity: "internal" },
        { name: "request", mediaType: "application/json", required: true, sensitivity: "internal" },
        { name: "response-head", mediaType: "application/json", required: true, sensitivity: "internal" },
        { name: "response-body", mediaType: mediaTypeOf(operation), required: true, sensitivity: "internal" },
      ],
      maxBytes: "16MB",
    },
    failure: { onFailure: "stop" },
    boundary: {
      external: {
        invocation: ["what the service does with the request"],
        transport: ["which machine answers at this address, behind its certificate"],
        evidence: ["what the service says that it did"],
        interpretation: [`${DECIDE} what a reader must not conclude`],
      },
    },
    attests: "that the service gave this answer to this request, and that it fits the pinned description",
    doesNotAttest: `${DECIDE} what the answer does not prove`,
  };
}

/** The inputs that the parameters and the body become, and where each goes. */
function inputsOf(operation: Operation): { schema: JsonObject; given: JsonObject } {
  const definitions = operation.$defs as JsonObject;
  const properties: [string, Json][] = [];
  const required: string[] = [];
  const given: Record<string, Json> = {};
  const taken = new Set<string>();
  const add = (wanted: string, schema: JsonObject, isRequired: boolean): string => {
    const name = inputName(wanted, taken);
    properties.push([name, schema]);
    if (isRequired) required.push(name);
    return isRequired ? `inputs.${name}` : `has(inputs.${name}) ? inputs.${name} : null`;
  };
  for (const place of ["path", "query", "header", "cookie"] as const) {
    const entries = operation.parameters
      .filter((parameter) => parameter.in === place)
      .map((parameter) => [
        parameter.name,
        add(parameter.name, withNote(parameter, definitions), parameter.required),
      ]);
    if (entries.length > 0) given[place] = Object.fromEntries(entries) as JsonObject;
  }
  const { body } = operation;
  if (body !== undefined) {
    const types = Object.keys(body.content);
    const type = types.find(isJsonType) ?? types[0] ?? "";
    const schema = profileSchema((body.content[type]?.schema ?? {}) as Json, definitions);
    given.body = add("body", usable(schema), body.required);
  }
  return {
    schema: {
      type: "object",
      additionalProperties: false,
      ...(required.length === 0 ? {} : { required }),
      properties: Object.fromEntries(properties),
    },
    given,
  };
}

function withNote({ schema, description }: OperationParameter, definitions: JsonObject): JsonObject {
  const simple = usable(profileSchema(schema as Json, definitions));
  return description === undefined ? simple : { ...simple, description: description.slice(0, 500) };
}

/** A schema that contracts may use, or one that accepts anything: the adapter has the whole one. */
function usable(schema: JsonObject): JsonObject {
  return inspectDataSchema(schema, []).length === 0 ? schema : {};
}

/** Words that CEL keeps for itself. */
const RESERVED = new Set(
  "as break const continue else false for function if import in let loop null package namespace return true var void while has".split(
    " ",
  ),
);

function inputName(wanted: string, taken: Set<string>): string {
  const plain = wanted
    .replace(/[^A-Za-z0-9_]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 80);
  const base = /^[A-Za-z]/.test(plain) && !RESERVED.has(plain) ? plain : `p_${plain}`;
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}_${i}`;
  taken.add(name);
  return name;
}

/** What a success answers, as a contract's output says it; undefined when nothing is described. */
function successOf({ responses, $defs }: Operation): JsonObject | undefined {
  const contents = Object.entries(responses)
    .filter(([status]) => status.startsWith("2") || status === "default")
    .flatMap(([, { content }]) => Object.entries(content ?? {}));
  const described = contents.filter(([type]) => isJsonType(type) || type.startsWith("text/"));
  if (described.length === 0) return undefined;
  const forms = described.map(([, { schema }]) =>
    usable(profileSchema((schema ?? {}) as Json, $defs as JsonObject)),
  );
  const distinct = [...new Map(forms.map((form) => [JSON.stringify(form), form])).values()];
  // Absent when the answer has no body, or one too large for a result.
  return usable({ anyOf: [...distinct, { type: "null" }] });
}

function mediaTypeOf({ responses }: Operation): string {
  const success =
    Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1] ?? responses.default;
  const [type = "application/octet-stream"] = Object.keys(success?.content ?? {});
  return type.includes("*") ? "application/octet-stream" : type.slice(0, 200);
}

const NAMES: Readonly<Record<string, string>> = {
  "400": "REQUEST_INVALID",
  "404": "NOT_FOUND",
  "409": "CONFLICT",
  "410": "GONE",
  "412": "PRECONDITION_FAILED",
  "422": "REQUEST_UNPROCESSABLE",
  "500": "SERVER_FAILED",
};
/** Statuses that have a class of their own for every contract. */
const RESERVED_STATUS = new Set(["401", "403", "429", "502", "503", "504"]);

function errorsOf({ responses }: Operation): JsonObject[] {
  const described = Object.entries(responses).filter(
    ([status]) => /^[45][0-9]{2}$/.test(status) && !RESERVED_STATUS.has(status),
  );
  const errors = described.slice(0, 40).map(([status, { description }]) => ({
    class: NAMES[status] ?? `STATUS_${status}`,
    side: "external",
    retryable: false,
    when: `error.code == 'HTTP_STATUS' && error.status == ${status}`,
    meaning: (description ?? `the service answered with status ${status}`).slice(0, 400),
  }));
  return [
    ...errors,
    {
      class: "REQUEST_REFUSED",
      side: "external",
      retryable: false,
      when: "error.code == 'HTTP_STATUS' && error.status < 500 && !(error.status in [401, 403, 429])",
      meaning: "the service refused the request",
    },
    {
      class: "SERVICE_FAILED",
      side: "external",
      retryable: false,
      when: "error.code == 'HTTP_STATUS' && error.status >= 500 && !(error.status in [502, 503, 504])",
      meaning: "the service says that it failed",
    },
    {
      class: "DEFINITION_CHANGED",
      side: "operator",
      retryable: false,
      when: "error.code in ['DEFINITION_CHANGED', 'DEFINITION_MISSING']",
      meaning: "the pinned operation is not in the workspace as it was reviewed; it was not called",
    },
  ];
}

/** Secrets of the first combination of schemes that can be given, by reference. */
function secretsOf({ security, schemes }: Operation, system: string): JsonObject {
  if (security.length === 0 || security.some((names) => names.length === 0)) return {};
  const possible = security.find((names) => names.every((name) => placeOf(schemes[name]) !== undefined));
  const secrets = (possible ?? []).map((name, index) => ({
    name: `secret-${index + 1}`,
    ref: `env:${`${system}_${name}`.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}`,
    into: placeOf(schemes[name]) ?? {},
  }));
  return secrets.length === 0 ? {} : { secrets };
}

function placeOf(scheme: SecurityScheme | undefined): JsonObject | undefined {
  if (scheme === undefined || scheme.type === "mutualTLS") return undefined;
  if (scheme.type === "apiKey") return { kind: scheme.in ?? "header", name: scheme.name ?? "" };
  const form = scheme.type === "http" ? (scheme.scheme ?? "") : "bearer";
  return form === "basic" || form === "bearer"
    ? { kind: "header", name: "authorization", scheme: form }
    : undefined;
}

/** A CEL string literal. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** Last part of a contract's id: the `operationId`, or the method and path, in small letters. */
export function contractName({
  operationId,
  method,
  path,
}: Pick<Operation, "operationId" | "method" | "path">): string {
  const plain = (operationId ?? `${method} ${path}`)
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60)
    .replace(/-+$/, "");
  return plain === "" ? "operation" : plain.replace(/^[0-9]/, "o$&");
}

/** The operation that an `openapi` contract pins; undefined for other contracts, and where it is computed. */
export function pinnedOperation(contract: {
  execution: { adapter: string; with: object };
}): string | undefined {
  if (contract.execution.adapter !== "openapi") return undefined;
  const text: unknown = Reflect.get(contract.execution.with, "operation");
  const digest =
    typeof text === "string" ? /^\s*(['"])(sha256:[0-9a-f]{64})\1\s*$/.exec(text)?.[2] : undefined;
  return digest;
}

/** Whether a value is an OpenAPI description, of whatever version. */
export function isDescription(value: Json): boolean {
  return isJsonObject(value) && (Object.hasOwn(value, "openapi") || Object.hasOwn(value, "swagger"));
}
