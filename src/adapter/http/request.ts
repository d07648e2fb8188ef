import type { SecretValue } from "../adapter.ts";

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

/** An absolute http(s) URL without user, password and fragment, or undefined. */
export function parseUrl(text: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  url.hash = "";
  return url;
}

/** How `{name}` in a URL's path reads once it was parsed. */
export function placeholder(name: string): string {
  return `%7B${encodeURIComponent(name)}%7D`;
}

/** The URL as it goes on the wire, secrets included. */
export function wireUrl(request: HttpRequest): URL {
  const url = new URL(request.url);
  for (const { into, value } of request.secrets) {
    // Appended as text: the rest of the query stays spelled as it is.
    if (into.kind === "query")
      url.search += `${url.search === "" ? "" : "&"}${encodeURIComponent(into.name)}=${encodeURIComponent(value)}`;
    // By a function: `$&` within a secret means nothing.
    if (into.kind === "path") url.pathname = url.pathname.replace(placeholder(into.name), () => value);
  }
  return url;
}

/** The headers as they go on the wire, secrets included; a secret cookie joins the others. */
export function wireHeaders(request: HttpRequest): Map<string, string> {
  const headers = new Map(request.headers);
  for (const secret of request.secrets) {
    const { kind, name } = secret.into;
    if (kind === "header") headers.set(name.toLowerCase(), secretHeader(secret));
    if (kind === "cookie") addCookie(headers, name, secret.value);
  }
  return headers;
}

function addCookie(headers: Map<string, string>, name: string, value: string): void {
  const before = headers.get("cookie");
  headers.set("cookie", `${before === undefined ? "" : `${before}; `}${name}=${value}`);
}

/** The header's value that a secret becomes: as it is, `Bearer …`, or `Basic …` of `user:password`. */
function secretHeader({ into, value }: SecretValue): string {
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
    if (into.kind === "cookie") addCookie(headers, into.name, `<secret ${name}>`);
    if (into.kind === "query") query += `${query.includes("?") ? "&" : "?"}${into.name}=<secret ${name}>`;
  }
  return {
    method: request.method,
    url: query,
    headers: Object.fromEntries(headers),
    bodySize: request.body?.length ?? 0,
  };
}

/** Whether a header may be set to a value (RFC 9110 section 5): a token, then visible characters and spaces. */
export function isHeader(lower: string, value: string): boolean {
  return (
    !RESERVED.has(lower) &&
    /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) &&
    /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  );
}
