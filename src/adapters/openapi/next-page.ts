import { type HttpRequest, parseUrl } from "../../adapter/http/request.ts";
import type { HttpResponse } from "../../adapter/http/send-request.ts";
import { partsOf } from "../../contract/openapi/references.ts";
import { isJsonObject, type Json } from "../../format/json.ts";
import type { Pagination } from "./parameters.ts";
import { encode } from "./serialize-parameter.ts";

/** The request of the next page; `named` when the answer, not the contract, says its URL. */
export type NextPage =
  | { readonly request: HttpRequest; readonly named: boolean }
  | { readonly refused: string }
  | undefined;

/** Longest cursor that is sent back. */
const MAX_CURSOR = 4096;

/**
 * What is asked for after a page, or undefined after the last.
 *
 * @param page number of the page that was answered, from 1.
 * @param seen how many items all pages had so far.
 */
export function nextPage(
  pagination: Pagination,
  request: HttpRequest,
  response: HttpResponse,
  body: Json | undefined,
  { page, seen }: { page: number; seen: number },
): NextPage {
  const items = pagination.items === undefined ? undefined : itemsOf(body, pagination.items);
  switch (pagination.by) {
    case "link":
      return named(request, linkNext(response.headers.get("link")));
    case "url": {
      const url = valueAt(body, pagination.from);
      return named(request, typeof url === "string" && url !== "" ? url : undefined);
    }
    case "cursor": {
      const cursor = valueAt(body, pagination.from);
      if (typeof cursor !== "string" && typeof cursor !== "number") return undefined;
      const text = String(cursor);
      if (text === "") return undefined;
      if (text.length > MAX_CURSOR || !text.isWellFormed())
        return { refused: "the cursor is none that can be sent" };
      return counted(request, pagination.into, text);
    }
    case "page":
      if (items === undefined || items.length === 0) return undefined;
      return counted(request, pagination.into, String((pagination.start ?? 1) + page));
    case "offset":
      if (items === undefined || items.length === 0) return undefined;
      return counted(request, pagination.into, String(seen));
  }
}

/** The list of a page at a JSON pointer, if there is one. */
export function itemsOf(body: Json | undefined, pointer: string): readonly Json[] | undefined {
  const value = valueAt(body, pointer);
  return Array.isArray(value) ? value : undefined;
}

function valueAt(body: Json | undefined, pointer: string): Json | undefined {
  let value = body;
  for (const part of partsOf(`#${pointer}`)) {
    if (Array.isArray(value)) value = value[Number(part)] as Json | undefined;
    else value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}

/** The next page's URL as the server says it: of the same origin, or refused. */
function named(request: HttpRequest, target: string | undefined): NextPage {
  if (target === undefined) return undefined;
  const url = parseUrl(target, request.url);
  if (url === undefined) return { refused: "the next page is no http or https URL" };
  if (url.origin !== request.url.origin)
    return { refused: `the next page is at another origin, \`${url.origin}\`` };
  // A key that the server's URL already has is not added again.
  const secrets = request.secrets.filter(
    ({ into }) => into.kind !== "query" || !url.searchParams.has(into.name),
  );
  return { request: { ...request, url, secrets }, named: true };
}

function counted(request: HttpRequest, name: string, value: string): NextPage {
  const url = new URL(request.url);
  const own = encode(name);
  const kept = url.search
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && part !== own && !part.startsWith(`${own}=`));
  url.search = [...kept, `${own}=${encode(value)}`].join("&");
  return { request: { ...request, url }, named: false };
}

/** The target of `rel="next"` in a `Link` header (RFC 8288 section 3). */
function linkNext(header: string | undefined): string | undefined {
  let at = 0;
  const text = header ?? "";
  while (at < text.length) {
    const open = text.indexOf("<", at);
    const close = open < 0 ? -1 : text.indexOf(">", open);
    if (close < 0) return undefined;
    const target = text.slice(open + 1, close).trim();
    let isNext = false;
    at = close + 1;
    // Parameters, up to the comma that ends this link; a quoted one may hold commas of its own.
    const parameter = /\s*;\s*([A-Za-z*_-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?/y;
    for (;;) {
      parameter.lastIndex = at;
      const found = parameter.exec(text);
      if (found === null) break;
      at = parameter.lastIndex;
      const value = found[2] ?? found[3] ?? "";
      if (found[1]?.toLowerCase() === "rel" && value.toLowerCase().split(/\s+/).includes("next"))
        isNext = true;
    }
    if (isNext) return target;
    const comma = text.indexOf(",", at);
    if (comma < 0) return undefined;
    at = comma + 1;
  }
  return undefined;
}
