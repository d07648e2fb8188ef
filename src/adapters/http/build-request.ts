import type { SecretValue } from "../../adapter/adapter.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { HttpParameters } from "./parameters.ts";

/** One request as it will be sent, secrets apart. */
export interface HttpRequest {
  readonly method: string;
  /** Absolute, without fragment and without secret query parameters. */
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array | undefined;
  /** Sent to the first origin only. */
  readonly secrets: readonly SecretValue[];
  readonly requireTrusted: boolean;
}

/** Why a request cannot be built, as a fault's code and message. */
export interface RequestProblem {
  readonly code: "URL_MALFORMED" | "HEADER_REFUSED" | "BODY_AMBIGUOUS";
  readonly message: string;
}

/** Headers that describe the connection or the framing: the adapter's own business. */
const RESERVED = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "keep-alive",
  "expect",
  "proxy-authorization",
  "proxy-connection",
]);

/** Builds the first request from the adapter's parameters. */
export function buildRequest(
  parameters: HttpParameters,
  secrets: readonly SecretValue[],
): HttpRequest | RequestProblem {
  const url = parseUrl(parameters.url);
  if (url === undefined) {
    return {
      code: "URL_MALFORMED",
      message: "the URL is not an absolute http or https URL without credentials",
    };
  }
  for (const [name, value] of Object.entries(parameters.query ?? {})) {
    if (value === null) continue;
    for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(item));
  }
  const headers = new Map([
    ["accept", "*/*"],
    ["accept-encoding", "identity"],
    ["user-agent", "witnessops"],
  ]);
  const body = bodyOf(parameters);
  if (body === "ambiguous") {
    return { code: "BODY_AMBIGUOUS", message: "at most one of `json`, `form` and `body` may be given" };
  }
  if (body?.mediaType !== undefined) headers.set("content-type", body.mediaType);
  for (const [name, value] of Object.entries(parameters.headers ?? {})) {
    const lower = name.toLowerCase();
    if (!isHeader(lower, String(value))) {
      return { code: "HEADER_REFUSED", message: `header \`${name}\` may not be set, or not to this value` };
    }
    headers.set(lower, String(value));
  }
  for (const { into, name, value } of secrets) {
    if (into.kind === "header" && !isHeader(into.name.toLowerCase(), "")) {
      return { code: "HEADER_REFUSED", message: `header \`${into.name}\` may not be set` };
    }
    if (into.kind !== "path") continue;
    // More than these characters would make another URL of it than the contract shows.
    const fits = /^[A-Za-z0-9_~-]+(?:[./][A-Za-z0-9_~-]+)*$/.test(value);
    if (!fits || !url.pathname.includes(placeholder(into.name)))
      return {
        code: "URL_MALFORMED",
        message: `secret \`${name}\` has no place in the URL's path, or does not fit there`,
      };
  }
  const requireTrusted = parameters.requireTrusted ?? body !== undefined;
  return { method: parameters.method ?? "GET", url, headers, body: body?.bytes, secrets, requireTrusted };
}

/** An absolute http(s) URL without user, password and fragment, or undefined. */
export function parseUrl(text: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  url.hash = "";
  return url;
}

/** How `{name}` in a URL's path reads once it was parsed. */
function placeholder(name: string): string {
  return `%7B${encodeURIComponent(name)}%7D`;
}

/** The URL as it goes on the wire, secrets included. */
export function wireUrl(request: HttpRequest): URL {
  const url = new URL(request.url);
  for (const { into, value } of request.secrets) {
    if (into.kind === "query") url.searchParams.append(into.name, value);
    if (into.kind === "path") url.pathname = url.pathname.replace(placeholder(into.name), value);
  }
  return url;
}

/** The header's value that a secret becomes: as it is, `Bearer …`, or `Basic …` of `user:password`. */
export function secretHeader({ into, value }: SecretValue): string {
  switch (into.scheme ?? "raw") {
    case "bearer":
      return `Bearer ${value}`;
    case "basic":
      return `Basic ${Buffer.from(value).toString("base64")}`;
    default:
      return value;
  }
}

/** The request as evidence shows it: a secret stands as `<secret NAME>`. */
export function describeRequest(request: HttpRequest): Record<string, unknown> {
  const headers = new Map(request.headers);
  const url = new URL(request.url);
  let query = url.href;
  for (const { into, name } of request.secrets) {
    if (into.kind === "header") headers.set(into.name.toLowerCase(), `<secret ${name}>`);
    if (into.kind === "query") query += `${query.includes("?") ? "&" : "?"}${into.name}=<secret ${name}>`;
  }
  return {
    method: request.method,
    url: query,
    headers: Object.fromEntries(headers),
    bodySize: request.body?.length ?? 0,
  };
}

function bodyOf(
  parameters: HttpParameters,
): { bytes: Uint8Array; mediaType: string | undefined } | "ambiguous" | undefined {
  const { json, form, body } = parameters;
  const given = [json, form, body].filter((value) => value !== undefined).length;
  if (given > 1) return "ambiguous";
  if (json !== undefined) return { bytes: Buffer.from(canonicalJson(json)), mediaType: "application/json" };
  if (form !== undefined) {
    const fields = new URLSearchParams(Object.entries(form).map(([name, value]) => [name, String(value)]));
    return { bytes: Buffer.from(fields.toString()), mediaType: "application/x-www-form-urlencoded" };
  }
  return body === undefined ? undefined : { bytes: Buffer.from(body), mediaType: undefined };
}

function isHeader(lower: string, value: string): boolean {
  // RFC 9110: a token, then visible characters and spaces.
  return (
    !RESERVED.has(lower) &&
    /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) &&
    /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  );
}
