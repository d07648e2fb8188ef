import type { SecretValue } from "../../adapter/adapter.ts";
import { type HttpRequest, isHeader, parseUrl, placeholder } from "../../adapter/http/request.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { HttpParameters } from "./parameters.ts";

/** Why a request cannot be built, as a fault's code and message. */
export interface RequestProblem {
  readonly code: "URL_MALFORMED" | "HEADER_REFUSED" | "BODY_AMBIGUOUS";
  readonly message: string;
}

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
