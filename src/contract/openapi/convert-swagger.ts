import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { malformed } from "./openapi-error.ts";
import { follow, listAt, objectAt, refOf, textAt } from "./references.ts";

const METHODS = new Set(["get", "put", "post", "delete", "options", "head", "patch"]);
const MOVED = [
  ["#/definitions/", "#/components/schemas/"],
  ["#/responses/", "#/components/responses/"],
] as const;
/** What of a Swagger 2.0 parameter or header belongs to its schema. */
const OF_SCHEMA =
  "type format items default maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems enum multipleOf".split(
    " ",
  );

/** Rewrites a Swagger 2.0 description as OpenAPI 3.0. @throws OpenapiError `DESCRIPTION_MALFORMED`. */
export function convertSwagger(root: JsonObject): JsonObject {
  const moved = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(moved);
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value).map(([name, child]) => {
      if (name !== "$ref" || typeof child !== "string") return [name, moved(child)] as const;
      const [old, now] = MOVED.find(([prefix]) => child.startsWith(prefix)) ?? ["", ""];
      return [name, old === "" ? child : `${now}${child.slice(old.length)}`] as const;
    });
    return Object.fromEntries(entries);
  };
  const paths = Object.entries(objectAt(root, "paths", "")).map(([path, item]) => {
    const at = `/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const target = follow(root, item, at).value;
    if (!isJsonObject(target)) throw malformed(at, "must be an object");
    return [path, moved(pathItem(root, target, at))] as const;
  });
  const responses = Object.entries(objectAt(root, "responses", "")).map(
    ([name, response]) => [name, moved(convertResponse(response, listed(root.produces)))] as const,
  );
  const schemes = Object.entries(objectAt(root, "securityDefinitions", "")).map(
    ([name, scheme]) => [name, convertScheme(scheme)] as const,
  );
  return {
    openapi: "3.0.3",
    info: root.info ?? {},
    servers: serversOf(root),
    ...(root.security === undefined ? {} : { security: root.security }),
    ...(root.externalDocs === undefined ? {} : { externalDocs: root.externalDocs }),
    paths: Object.fromEntries(paths),
    components: {
      schemas: moved(objectAt(root, "definitions", "")),
      responses: Object.fromEntries(responses),
      securitySchemes: Object.fromEntries(schemes),
    },
  };
}

function serversOf(root: JsonObject): Json {
  const host = textAt(root, "host");
  if (host === undefined) return [];
  const schemes = listed(root.schemes);
  const scheme = schemes.includes("https") || schemes.length === 0 ? "https" : "http";
  return [{ url: `${scheme}://${host}${textAt(root, "basePath") ?? ""}` }];
}

function listed(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function pathItem(root: JsonObject, item: JsonObject, at: string): JsonObject {
  const shared = listAt(item, "parameters", at);
  const operations = Object.entries(item).flatMap(([method, operation]) =>
    METHODS.has(method) && isJsonObject(operation)
      ? [[method, convertOperation(root, operation, shared, `${at}/${method}`)] as const]
      : [],
  );
  return Object.fromEntries(operations);
}

function convertOperation(
  root: JsonObject,
  operation: JsonObject,
  shared: readonly Json[],
  at: string,
): JsonObject {
  const consumes = listed(operation.consumes ?? root.consumes);
  const produces = listed(operation.produces ?? root.produces);
  const given = new Map<string, JsonObject>();
  for (const [index, raw] of [...shared, ...listAt(operation, "parameters", at)].entries()) {
    const { value } = follow(root, raw, `${at}/parameters/${index}`);
    if (isJsonObject(value)) given.set(`${String(value.in)} ${String(value.name)}`, value);
  }
  const all = [...given.values()];
  const form = all.filter((parameter) => parameter.in === "formData");
  const body = all.find((parameter) => parameter.in === "body");
  const others = all.filter((parameter) => parameter.in !== "formData" && parameter.in !== "body");
  const { parameters: _p, consumes: _c, produces: _q, responses: _r, ...rest } = operation;
  const responses = Object.entries(objectAt(operation, "responses", at)).map(
    ([status, response]) => [status, convertResponse(response, produces)] as const,
  );
  return {
    ...rest,
    parameters: others.map(convertParameter),
    ...requestBody(body, form, consumes),
    responses: Object.fromEntries(responses),
  };
}

function requestBody(
  body: JsonObject | undefined,
  form: readonly JsonObject[],
  consumes: readonly string[],
): JsonObject {
  if (body !== undefined) {
    const types = consumes.length === 0 ? ["application/json"] : consumes;
    const content = types.map((type) => [type, { schema: body.schema ?? {} }] as const);
    return { requestBody: { required: body.required === true, content: Object.fromEntries(content) } };
  }
  if (form.length === 0) return {};
  const hasFile = form.some(({ type }) => type === "file");
  const type =
    hasFile || consumes.includes("multipart/form-data")
      ? "multipart/form-data"
      : "application/x-www-form-urlencoded";
  const schema = {
    type: "object",
    required: form.filter(({ required }) => required === true).map(({ name }) => String(name)),
    properties: Object.fromEntries(form.map((field) => [String(field.name), schemaOf(field)])),
  };
  const required = form.some((field) => field.required === true);
  return { requestBody: { required, content: { [type]: { schema } } } };
}

function convertParameter(parameter: JsonObject): JsonObject {
  const { name, in: place, required, description } = parameter;
  const format = parameter.collectionFormat ?? "csv";
  const isList = parameter.type === "array";
  const styles: Readonly<Record<string, JsonObject>> = {
    multi: { style: "form", explode: true },
    ssv: { style: "spaceDelimited", explode: false },
    pipes: { style: "pipeDelimited", explode: false },
  };
  const style =
    isList && place === "query" ? (styles[String(format)] ?? { style: "form", explode: false }) : {};
  return {
    name: name ?? "",
    in: place ?? "",
    ...(required === undefined ? {} : { required }),
    ...(description === undefined ? {} : { description }),
    ...style,
    schema: schemaOf(parameter),
  };
}

function schemaOf(parameter: JsonObject): JsonObject {
  const kept = OF_SCHEMA.flatMap((keyword) => {
    const value = parameter[keyword];
    return value === undefined ? [] : [[keyword, value] as const];
  });
  return Object.fromEntries(kept);
}

function convertResponse(response: Json, produces: readonly string[]): Json {
  if (refOf(response) !== undefined || !isJsonObject(response)) return response;
  const { schema, description } = response;
  const types = produces.length === 0 ? ["application/json"] : produces;
  const content = types.map((type) => [type, { schema: schema ?? {} }] as const);
  return {
    description: description ?? "",
    ...(schema === undefined ? {} : { content: Object.fromEntries(content) }),
  };
}

function convertScheme(scheme: Json): Json {
  if (!isJsonObject(scheme)) return scheme;
  if (scheme.type === "basic") return { type: "http", scheme: "basic" };
  return scheme.type === "oauth2" ? { type: "oauth2", flows: {} } : scheme;
}
