import type { SecretValue } from "../../adapter/adapter.ts";
import { type HttpRequest, isHeader, parseUrl } from "../../adapter/http/request.ts";
import type { Operation, OperationParameter } from "../../contract/openapi/operation.ts";
import { isJsonType, isSendable } from "../../contract/openapi/slice-operation.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import { isJsonObject, type Json } from "../../format/json.ts";
import type { OperationCheck } from "./check-value.ts";
import type { OpenapiParameters } from "./parameters.ts";
import {
  cookiePart,
  encode,
  headerValue,
  pathValue,
  queryParts,
  RequestRefused,
} from "./serialize-parameter.ts";

/**
 * Builds the request of an operation: every value is held against its schema first, then written in its style.
 *
 * @throws RequestRefused with all that does not fit; nothing was sent.
 */
export function buildRequest(
  operation: Operation,
  check: OperationCheck,
  asked: OpenapiParameters,
  secrets: readonly SecretValue[],
): HttpRequest {
  const given = checkGiven(operation, check, asked);
  const headers = new Map([
    ["accept", acceptOf(operation)],
    ["accept-encoding", "identity"],
    ["user-agent", "witnessops"],
  ]);
  const query: string[] = [];
  const cookies: string[] = [];
  let path = operation.path;
  for (const [parameter, value] of given) {
    if (parameter.in === "path")
      path = path.replaceAll(`{${parameter.name}}`, () => pathValue(parameter, value));
    else if (parameter.in === "query") query.push(...queryParts(parameter, value));
    else if (parameter.in === "cookie") cookies.push(cookiePart(parameter, value));
    else {
      const name = parameter.name.toLowerCase();
      const text = headerValue(parameter, value);
      if (!isHeader(name, text))
        throw new RequestRefused(`header \`${parameter.name}\` may not be set, or not to this value`);
      headers.set(name, text);
    }
  }
  if (cookies.length > 0) headers.set("cookie", cookies.join("; "));
  const body = bodyOf(operation, check, asked);
  if (body !== undefined) headers.set("content-type", body.mediaType);
  const url = urlOf(asked.server ?? operation.server, path);
  url.search = query.join("&");
  return { method: operation.method, url, headers, body: body?.bytes, secrets, requireTrusted: true };
}

/** The parameters that are given, with their values, each fit for its schema. */
function checkGiven(
  operation: Operation,
  check: OperationCheck,
  asked: OpenapiParameters,
): (readonly [OperationParameter, Json])[] {
  const problems: string[] = [];
  const given: (readonly [OperationParameter, Json])[] = [];
  const known = new Set<string>();
  for (const parameter of operation.parameters) {
    const { name, required, schema } = parameter;
    known.add(`${parameter.in} ${name}`);
    const values = asked[parameter.in] ?? {};
    const value = Object.hasOwn(values, name) ? ((values as { [name: string]: Json })[name] ?? null) : null;
    const what = `${parameter.in} parameter \`${name}\``;
    if (value === null) {
      if (required) problems.push(`${what} is missing`);
      continue;
    }
    for (const { path, message } of check("request", schema as Json, value))
      problems.push(`${what}${path === "" ? "" : ` at \`${path}\``} ${message}`);
    given.push([parameter, value]);
  }
  for (const place of ["path", "query", "header", "cookie"] as const) {
    for (const [name, value] of Object.entries(asked[place] ?? {}))
      if (value !== null && !known.has(`${place} ${name}`))
        problems.push(`${place} parameter \`${name}\` is not one of the operation's`);
  }
  if (problems.length > 0) throw new RequestRefused(problems.join("; "));
  return given;
}

function bodyOf(
  { body }: Operation,
  check: OperationCheck,
  asked: OpenapiParameters,
): { bytes: Uint8Array; mediaType: string } | undefined {
  const value = (asked.body ?? null) as Json;
  // A body that is the JSON value null is one only where a media type says so.
  if (value === null && asked.mediaType === undefined) {
    if (body?.required === true) throw new RequestRefused("the body is missing");
    return undefined;
  }
  if (body === undefined) throw new RequestRefused("the operation takes no body");
  const types = Object.keys(body.content);
  const mediaType = asked.mediaType?.toLowerCase() ?? types.find(isJsonType) ?? types.find(isSendable) ?? "";
  const content = Object.hasOwn(body.content, mediaType) ? body.content[mediaType] : undefined;
  if (content === undefined || !isSendable(mediaType))
    throw new RequestRefused(`a body is sent as ${types.map((type) => `\`${type}\``).join(" or ")}`);
  const misfits = check("request", (content.schema ?? true) as Json, value);
  if (misfits.length > 0)
    throw new RequestRefused(
      misfits
        .map(({ path, message }) => `the body${path === "" ? "" : ` at \`${path}\``} ${message}`)
        .join("; "),
    );
  return { bytes: Buffer.from(bodyText(mediaType, value)), mediaType };
}

function bodyText(mediaType: string, value: Json): string {
  if (isJsonType(mediaType)) return canonicalJson(value);
  if (mediaType.startsWith("text/plain")) {
    if (typeof value === "string") return value;
    throw new RequestRefused("a body of text must be text");
  }
  if (!isJsonObject(value)) throw new RequestRefused("a form must be an object");
  const fields = Object.entries(value).flatMap(([name, item]) => {
    const items = Array.isArray(item) ? (item as readonly Json[]) : item === null ? [] : [item as Json];
    return items.map((one) => {
      const text = typeof one === "object" ? JSON.stringify(one) : String(one);
      return `${encode(name)}=${encode(text)}`;
    });
  });
  return fields.join("&");
}

function urlOf(server: string | null, path: string): URL {
  if (server === null)
    throw new RequestRefused("the contract names no `server`, and the operation has none of its own");
  const base = parseUrl(server);
  if (base === undefined || base.search !== "" || server.includes("#"))
    throw new RequestRefused(
      "`server` must be an absolute http or https URL without user, query and fragment",
    );
  // A segment of dots would be resolved away, encoded or not.
  if (path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment)))
    throw new RequestRefused("a path parameter would lead to another path");
  const prefix = base.pathname.replace(/\/+$/, "");
  const url = parseUrl(`${base.origin}${prefix}${path}`);
  const slashes = (text: string) => text.split("/").length;
  if (url === undefined || url.origin !== base.origin || slashes(url.pathname) !== slashes(prefix + path))
    throw new RequestRefused("the operation's path is none that can be asked for");
  return url;
}

/** What the operation describes as answers that are no faults, or else anything. */
function acceptOf({ responses }: Operation): string {
  const types = Object.entries(responses).flatMap(([status, { content }]) =>
    /^[123]/.test(status) || status === "default" ? Object.keys(content ?? {}) : [],
  );
  const named = [...new Set(types)].filter((type) => isHeader("accept", type));
  return named.length === 0 ? "*/*" : named.join(", ");
}
