import { type HttpRequest, parseUrl } from "../../adapter/http/request.ts";

/** Headers that are meant for the first origin only. */
const CREDENTIALS = ["authorization", "cookie", "x-api-key", "api-key"];
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The request that a redirect asks for (RFC 9110 section 15.4), or undefined when the answer is no redirect;
 * `"malformed"` when its location is no http(s) URL. Another origin gets neither secrets nor credentials.
 */
export function followRedirect(
  request: HttpRequest,
  status: number,
  location: string | undefined,
): HttpRequest | "malformed" | undefined {
  if (!REDIRECTS.has(status) || location === undefined) return undefined;
  const url = parseUrl(location, request.url);
  if (url === undefined) return "malformed";
  const sameOrigin = url.origin === request.url.origin;
  const headers = new Map(request.headers);
  const becomesGet = status === 303 ? request.method !== "HEAD" : status < 303 && request.method === "POST";
  if (becomesGet) headers.delete("content-type");
  if (!sameOrigin) for (const name of CREDENTIALS) headers.delete(name);
  return {
    method: becomesGet ? "GET" : request.method,
    url,
    headers,
    body: becomesGet ? undefined : request.body,
    // The location is the server's word: a secret query parameter is not added to it again.
    secrets: sameOrigin ? request.secrets.filter(({ into }) => into.kind === "header") : [],
    requireTrusted: request.requireTrusted,
  };
}
