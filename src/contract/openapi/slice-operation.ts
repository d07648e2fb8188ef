import { canonicalBytes, canonicalJson } from "../../format/canonical-json.ts";
import { type Digest, digestOf } from "../../format/digest.ts";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import type { Description, ListedOperation } from "./describe-operations.ts";
import { malformed, unsupported } from "./openapi-error.ts";
import type { Operation, OperationContent, OperationParameter, SecurityScheme } from "./operation.ts";
import { follow, listAt, objectAt, textAt } from "./references.ts";

/** Most bytes that one operation, with all that it needs, may have: 4 MiB. */
export const MAX_OPERATION_BYTES = 4 * 1024 * 1024;

/** An operation cut out of its description, as the bytes that its digest is of. */
export interface SlicedOperation {
  readonly operation: Operation;
  /** Canonical JSON. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** Header parameters that OpenAPI says are ignored: media types and credentials have their own places. */
const IGNORED_HEADERS = new Set(["accept", "content-type", "authorization"]);
const STYLES: Readonly<Record<string, readonly string[]>> = {
  path: ["simple", "label", "matrix"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
  cookie: ["form"],
};

/**
 * Cuts one operation out of a description: parameters, bodies and answers with every schema that they refer to.
 *
 * @throws OpenapiError `OPERATION_UNSUPPORTED` when the adapter cannot do what it needs, or one of the description.
 */
export function sliceOperation(description: Description, listed: ListedOperation): SlicedOperation {
  const { root, schemas } = description;
  const { value, pointer } = listed;
  if (/[?#]/.test(listed.path)) throw unsupported("its path has a `?` or `#`");
  const used: Json[] = [];
  const convert = (schema: Json, at: string): Json => {
    const converted = schemas.convert(schema, at);
    used.push(converted);
    return converted;
  };
  const parameters = parametersOf(root, listed, convert);
  const body = bodyOf(root, value, pointer, convert);
  const responses = responsesOf(root, value, pointer, convert);
  const { security, schemes } = securityOf(root, value, pointer);
  const operation = {
    format: "witnessops/openapi-operation/v1",
    api: description.title,
    method: listed.method,
    path: listed.path,
    operationId: listed.operationId,
    summary: textAt(value, "summary"),
    description: textAt(value, "description"),
    deprecated: value.deprecated === true,
    server: serverOf(root, listed),
    parameters,
    ...(body === undefined ? {} : { body }),
    responses,
    security,
    schemes,
    $defs: schemas.definitionsOf(used),
  } as unknown as Operation;
  const bytes = canonicalBytes(operation);
  if (bytes.length > MAX_OPERATION_BYTES)
    throw unsupported("it is larger than 4 MiB with the schemas that it needs");
  return { operation, bytes, digest: digestOf(bytes) };
}

type Convert = (schema: Json, at: string) => Json;

function parametersOf(root: JsonObject, listed: ListedOperation, convert: Convert): OperationParameter[] {
  const { item, itemPointer, value, pointer } = listed;
  const found = new Map<string, OperationParameter>();
  for (const [owner, at] of [
    [item, itemPointer],
    [value, pointer],
  ] as const) {
    for (const [index, raw] of listAt(owner, "parameters", at).entries()) {
      const resolved = follow(root, raw, `${at}/parameters/${index}`);
      const parameter = parameterOf(resolved.value, resolved.pointer, convert);
      // What the operation says about a parameter replaces what its path says.
      if (parameter !== undefined) found.set(`${parameter.in} ${parameter.name}`, parameter);
    }
  }
  const placeholders = new Set([...listed.path.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name ?? ""));
  for (const { in: place, name } of found.values()) {
    if (place === "path" && !placeholders.delete(name))
      throw malformed(pointer, `has a path parameter \`${name}\` that its path has no place for`);
  }
  const [missing] = placeholders;
  if (missing !== undefined) throw malformed(pointer, `does not describe \`{${missing}}\` of its path`);
  return [...found.keys()].sort().flatMap((key) => found.get(key) ?? []);
}

function parameterOf(raw: Json, at: string, convert: Convert): OperationParameter | undefined {
  if (!isJsonObject(raw)) throw malformed(at, "must be a parameter");
  const { name, in: place } = raw;
  if (typeof name !== "string" || name === "") throw malformed(at, "has no `name`");
  if (name === "__proto__") throw malformed(at, "is named `__proto__`, which is not accepted");
  const styles = typeof place === "string" && Object.hasOwn(STYLES, place) ? STYLES[place] : undefined;
  if (styles === undefined) throw malformed(at, "must be `in` path, query, header or cookie");
  if (place === "header" && IGNORED_HEADERS.has(name.toLowerCase())) return undefined;
  const style = textAt(raw, "style") ?? styles[0] ?? "";
  if (!styles.includes(style))
    throw unsupported(`style \`${style}\` of ${place} parameter \`${name}\` is not known`);
  const content = objectAt(raw, "content", at);
  const [type, ...more] = Object.entries(content);
  if (more.length > 0) throw malformed(at, "may have one media type");
  if (type !== undefined && !isJsonType(type[0]))
    throw unsupported(`parameter \`${name}\` is sent as \`${type[0]}\`, which is not known`);
  const media = type === undefined ? raw : isJsonObject(type[1]) ? type[1] : {};
  return {
    name,
    in: place as OperationParameter["in"],
    required: place === "path" || raw.required === true,
    style: style as OperationParameter["style"],
    explode: typeof raw.explode === "boolean" ? raw.explode : style === "form",
    allowReserved: raw.allowReserved === true && place === "query",
    json: type !== undefined,
    schema: convert(media.schema ?? true, `${at}/schema`) as OperationParameter["schema"],
    ...noted(raw),
  };
}

function noted(value: JsonObject): { description?: string } {
  const description = textAt(value, "description");
  return description === undefined ? {} : { description };
}

function bodyOf(root: JsonObject, value: JsonObject, at: string, convert: Convert): Operation["body"] {
  if (value.requestBody === undefined || value.requestBody === null) return undefined;
  const { value: body, pointer } = follow(root, value.requestBody, `${at}/requestBody`);
  if (!isJsonObject(body)) throw malformed(pointer, "must be an object");
  const content = contentOf(root, body, pointer, convert);
  const types = Object.keys(content);
  if (types.length === 0) throw malformed(pointer, "has no `content`");
  if (!types.some(isSendable))
    throw unsupported(
      `its body is sent as ${types.map((type) => `\`${type}\``).join(", ")}, which is not known`,
    );
  return { required: body.required === true, content };
}

function responsesOf(
  root: JsonObject,
  value: JsonObject,
  at: string,
  convert: Convert,
): Operation["responses"] {
  const entries = Object.entries(objectAt(value, "responses", at)).flatMap(([status, raw]) => {
    if (status.startsWith("x-")) return [];
    const key = status === "default" ? status : status.toUpperCase();
    const { value: response, pointer } = follow(root, raw, `${at}/responses/${status}`);
    if (!/^([1-5][0-9]{2}|[1-5]XX|default)$/.test(key) || !isJsonObject(response))
      throw malformed(`${at}/responses/${status}`, "must be a response by its status");
    const content = contentOf(root, response, pointer, convert);
    return [
      [key, { ...noted(response), ...(Object.keys(content).length === 0 ? {} : { content }) }] as const,
    ];
  });
  if (entries.length === 0)
    throw unsupported("it describes no response, so that nothing could be held against it");
  return Object.fromEntries(entries);
}

function contentOf(root: JsonObject, owner: JsonObject, at: string, convert: Convert): OperationContent {
  const entries = Object.entries(objectAt(owner, "content", at)).map(([type, raw]) => {
    const where = `${at}/content/${type.replaceAll("/", "~1")}`;
    const { value: media } = follow(root, raw, where);
    if (!isJsonObject(media)) throw malformed(where, "must be an object");
    const schema = media.schema === undefined ? {} : { schema: convert(media.schema, `${where}/schema`) };
    return [type.trim().toLowerCase(), schema] as const;
  });
  return Object.fromEntries(entries) as OperationContent;
}

function securityOf(
  root: JsonObject,
  value: JsonObject,
  at: string,
): { security: string[][]; schemes: Record<string, SecurityScheme> } {
  const owner = Object.hasOwn(value, "security") ? value : root;
  const described = objectAt(objectAt(root, "components", ""), "securitySchemes", "/components");
  const schemes = new Map<string, SecurityScheme>();
  const security = listAt(owner, "security", owner === root ? "" : at).map((raw) => {
    if (!isJsonObject(raw)) throw malformed(`${at}/security`, "must be a list of objects");
    const names = Object.keys(raw).sort();
    for (const name of names) {
      const scheme = Object.hasOwn(described, name) ? described[name] : undefined;
      if (scheme === undefined)
        throw malformed(`${at}/security`, `names \`${name}\`, which is not described`);
      schemes.set(name, schemeOf(root, scheme, `/components/securitySchemes/${name}`));
    }
    return names;
  });
  const order = (names: readonly string[]) => canonicalJson(names);
  security.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return { security, schemes: Object.fromEntries(schemes) };
}

function schemeOf(root: JsonObject, raw: Json, at: string): SecurityScheme {
  const { value } = follow(root, raw, at);
  const { type, in: place, name, scheme }: JsonObject = isJsonObject(value) ? value : {};
  if (type === "apiKey") {
    const isPlace = place === "header" || place === "query" || place === "cookie";
    if (!isPlace || typeof name !== "string" || name === "")
      throw malformed(at, "does not say where the key goes");
    return { type, in: place, name };
  }
  if (type === "http" && typeof scheme === "string") return { type, scheme: scheme.toLowerCase() };
  if (type === "oauth2" || type === "openIdConnect" || type === "mutualTLS") return { type };
  throw malformed(at, "is no security scheme that is known");
}

/** The first server's base URL, when it says by itself where it is. */
function serverOf(root: JsonObject, { value, item, pointer }: ListedOperation): string | null {
  for (const owner of [value, item, root]) {
    const [first] = listAt(owner, "servers", pointer);
    if (first === undefined) continue;
    const url = isJsonObject(first) ? textAt(first, "url") : undefined;
    if (url === undefined || /[{}?#]/.test(url) || !/^https?:\/\/[^/]/i.test(url) || !URL.canParse(url))
      return null;
    return url.replace(/\/+$/, "");
  }
  return null;
}

/** Whether a media type is JSON: `application/json`, or one with `+json`. */
export function isJsonType(type: string): boolean {
  return /^(application\/json|[^;]+\+json)(\s*;.*)?$/i.test(type);
}

/** Whether a body of this media type can be built. */
export function isSendable(type: string): boolean {
  return isJsonType(type) || /^(application\/x-www-form-urlencoded|text\/plain)(\s*;.*)?$/i.test(type);
}
