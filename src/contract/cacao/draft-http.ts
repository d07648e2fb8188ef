import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { DECIDE } from "../undecided.ts";
import type { DraftCall } from "./draft-contract.ts";
import type { PlaybookTarget } from "./playbook-targets.ts";
import { celString, durationText, objectOf, textOf } from "./playbook-text.ts";
import { isHarmlessHeader } from "./secret-names.ts";
import { splitVariables, wholeVariable } from "./variable-names.ts";

/** The name of the contract's input for a variable, taken with this pattern where one is given. */
export type TakeInput = (variable: string, pattern?: string) => string;

const METHOD = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/\S*) HTTP\/[0-9.]+$/;
/** One path segment that cannot leave its place: unreserved characters (RFC 3986), no dot first. */
const SEGMENT = "^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$";
const HOST = "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$";

/**
 * A request of `http-api` or `openc2-http` (CACAO 2.0 sections 5.6, 5.9) as structured parameters: a path of checked
 * segments, a query and a JSON body whose strings are CEL. Undefined for what cannot be taken apart like that, with why.
 */
export function draftHttp(
  command: JsonObject,
  server: PlaybookTarget | undefined,
  secret: JsonObject | undefined,
  outputs: readonly string[],
  timeout: number | undefined,
  take: TakeInput,
): DraftCall | string {
  const line = METHOD.exec(textOf(command, "command") ?? "");
  if (line === null) return "its start line is no method, path and version";
  if (server === undefined || (server.kind !== "url" && server.kind !== "host"))
    return "its agent has no address over HTTP";
  const origin = originOf(server, take);
  if (origin === undefined) return "its agent's address is no HTTP origin that can be taken apart";
  const [path = "", search = ""] = (line[2] ?? "").split(/\?(.*)/s);
  const segments: string[] = [origin.literal];
  for (const part of path.split("/").slice(1)) {
    const variable = wholeVariable(part);
    if (variable !== undefined) segments.push(`' + inputs.${take(variable, SEGMENT)} + '`);
    else if (
      /^[A-Za-z0-9._~%:@!$&'()*+,;=-]*$/.test(part) &&
      splitVariables(part).every((one) => "literal" in one) &&
      part !== ".." &&
      part !== "."
    )
      segments.push(celString(part).slice(1, -1));
    else return "its path mixes variables and text";
  }
  const query: Record<string, string> = {};
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    const told = plusDecoded(name);
    if (told === undefined || told === "" || told === "__proto__")
      return "its query is not made of `name=value`";
    const cel = joined(plusDecoded(value) ?? "", take);
    query[told] = cel;
  }
  const body = bodyOf(command, take);
  if (typeof body === "string") return body;
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(objectOf(command, "headers"))) {
    const lower = name.toLowerCase();
    if (!/^[a-z0-9-]{1,100}$/.test(lower) || !isHarmlessHeader(lower)) continue;
    headers[lower] = joined(
      [values]
        .flat()
        .filter((one) => typeof one === "string")
        .join(", "),
      take,
    );
  }
  const url = `'${segments.join("/")}'`.replace(/^'' \+ /, "").replaceAll(" + ''", "");
  const request = {
    method: celString(line[1] ?? ""),
    url,
    ...(Object.keys(query).length > 0 ? { query } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...body,
  };
  return {
    execution: {
      adapter: "http",
      with: request,
      outputs: {
        status: "result.status",
        ...Object.fromEntries(
          outputs.map((name) => [name, `${DECIDE} which part of the answer is \`${name}\``]),
        ),
      },
      timeout: durationText(Math.max(1, timeout ?? 30_000)),
      idempotency: `${DECIDE} safe, idempotent or unsafe`,
      ...(secret === undefined ? {} : { secrets: [secret] }),
    } as JsonObject,
    endpoints: [origin.endpoint],
    errors: [
      {
        class: "CONNECT_FAILED",
        side: "external",
        retryable: true,
        when: "error.phase in ['resolve', 'connect', 'tls'] && error.code != 'TIMEOUT'",
        meaning: "no connection came about",
      },
      {
        class: "REQUEST_REFUSED",
        side: "external",
        retryable: false,
        when: "error.code == 'HTTP_STATUS' && !(error.status in [401, 403, 429, 502, 503, 504])",
        meaning: "the system did not take the request",
      },
    ],
    artifacts: ["request", "response-head", "response-body"],
    attests: "that the system at this address answered this request so",
    doesNotAttest: `${DECIDE} what the answer does not prove`,
    waits: false,
    external: {
      invocation: ["what the system does with the request"],
      transport: ["which server answers at this address"],
      evidence: ["what the system says that it did"],
      interpretation: [`${DECIDE} what a reader must not conclude`],
    },
  };
}

/** The origin as the inside of a CEL literal, and what the egress guard lets pass. */
function originOf(
  server: PlaybookTarget,
  take: TakeInput,
): { literal: string; endpoint: JsonObject } | undefined {
  const port = textOf(server.object, "port");
  if (port !== undefined && !/^[1-9][0-9]{0,4}$/.test(port)) return undefined;
  const behind = port === undefined ? "" : `:${port}`;
  const variable = wholeVariable(server.value);
  if (variable !== undefined) {
    if (server.kind === "url") return undefined;
    const name = take(variable, HOST);
    return {
      literal: `https://' + inputs.${name} + '${behind}`,
      endpoint: { host: `inputs.${name}`, port: Number(port ?? 443) },
    };
  }
  const url =
    server.kind === "url"
      ? server.value
      : `https://${server.value.includes(":") ? `[${server.value}]` : server.value}${behind}`;
  if (!URL.canParse(url)) return undefined;
  const { origin, protocol, pathname, username, search, hash } = new URL(url);
  if (!/^https?:$/.test(protocol) || username !== "" || search !== "" || hash !== "") return undefined;
  const base = `${origin}${pathname.replace(/\/$/, "")}`;
  return { literal: celString(base).slice(1, -1), endpoint: { url: celString(origin) } };
}

function bodyOf(command: JsonObject, take: TakeInput): JsonObject | string {
  const plain = textOf(command, "content");
  const encoded = textOf(command, "content_b64");
  let text = plain;
  if (encoded !== undefined) {
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(
        Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0)),
      );
    } catch {
      return "its content is not base64 of text";
    }
  }
  if (text === undefined) return {};
  let json: Json | undefined;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    json = undefined;
  }
  if (isJsonObject(json) || Array.isArray(json)) {
    const tree = treeOf(json, take, 0);
    return tree === undefined
      ? "its content is nested too deep, or has a key that is not accepted"
      : { json: tree };
  }
  if (splitVariables(text).some((one) => "variable" in one))
    return "its content mixes variables into text that is no JSON";
  return text.length > 3000 ? "its content is too long" : { body: celString(text) };
}

function treeOf(value: Json, take: TakeInput, depth: number): Json | undefined {
  if (depth > 20) return undefined;
  if (typeof value === "string") return joined(value, take);
  if (Array.isArray(value)) {
    const items = value.map((one) => treeOf(one as Json, take, depth + 1));
    return items.includes(undefined) ? undefined : (items as Json[]);
  }
  if (!isJsonObject(value)) return value;
  const out: Record<string, Json> = {};
  for (const [name, one] of Object.entries(value)) {
    const tree = treeOf(one, take, depth + 1);
    // A name that a variable makes is no structure that a reviewer can see.
    if (tree === undefined || name === "__proto__" || splitVariables(name).some((part) => "variable" in part))
      return undefined;
    out[name] = tree;
  }
  return out;
}

/** Text as CEL: a variable alone keeps its type; within text it is a text. The adapter encodes the result for its place. */
function joined(text: string, take: TakeInput): string {
  const variable = wholeVariable(text);
  if (variable !== undefined) return `inputs.${take(variable)}`;
  const parts = splitVariables(text);
  if (parts.length === 0) return "''";
  return parts
    .map((part) => ("literal" in part ? celString(part.literal) : `string(inputs.${take(part.variable)})`))
    .join(" + ");
}

function plusDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** A secret of a credential as a header; undefined for kinds that are no header. */
export function secretOf(info: JsonObject, hint: string | undefined): JsonObject | undefined {
  const type = textOf(info, "type");
  const scheme = type === "http-basic" ? "basic" : type === "oauth2" ? "bearer" : undefined;
  if (scheme === undefined) return undefined;
  return {
    name: "credential",
    ref: `${DECIDE} where the secret is, such as env:API_CREDENTIAL${hint === undefined ? "" : `; the playbook refers to ${hint}`}`,
    into: { kind: "header", name: "authorization", scheme },
  };
}
