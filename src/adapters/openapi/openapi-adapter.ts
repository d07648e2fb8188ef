import type { Adapter, AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import { encodingOf, readBody } from "../../adapter/http/read-body.ts";
import { describeRequest, type HttpRequest } from "../../adapter/http/request.ts";
import { retryAfterMillis } from "../../adapter/http/retry-after.ts";
import { describeHead, type HttpResponse, sendRequest } from "../../adapter/http/send-request.ts";
import { MAX_TEXT } from "../../adapter/read-text.ts";
import { writeArtifact, writeJsonArtifact } from "../../adapter/write-artifact.ts";
import { isJsonType } from "../../contract/openapi/slice-operation.ts";
import type { Json, JsonObject } from "../../format/json.ts";
import { buildRequest } from "./build-request.ts";
import { secretProblem } from "./check-secrets.ts";
import type { Misfit } from "./check-value.ts";
import { type LoadedOperation, loadOperation } from "./load-operation.ts";
import { checkBody, type Matched, matchStatus, mediaTypeOf } from "./match-response.ts";
import { itemsOf, type NextPage, nextPage } from "./next-page.ts";
import { type OpenapiParameters, parameters } from "./parameters.ts";
import { RequestRefused } from "./serialize-parameter.ts";

/** Longest body that is held against its schema, in bytes. */
const MAX_CHECKED = 8 * 1024 * 1024;
/** Most values of JSON that a body may have. */
const MAX_VALUES = 200_000;
/** Most bytes that the bodies of all pages may have together, decoded. */
const MAX_ALL_PAGES = 4 * MAX_CHECKED;
/** How much of an error's body stands in the fault, in bytes of its text. */
const MAX_ERROR_BODY = 16 * 1024;
/** Longest error's body that is read for that; spaces may go. */
const MAX_ERROR_TEXT = 4 * MAX_ERROR_BODY;

/**
 * One operation of an OpenAPI description. The pinned operation says how the request is written and what an answer may
 * be; a request that does not fit is not sent, an answer that does not fit is `OUTPUT_CONTRACT_VIOLATION`.
 */
export const openapi: Adapter = {
  id: "openapi",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as OpenapiParameters;
    let phase = "prepare";
    try {
      const loaded = await loadOperation(call.root, asked.operation);
      if ("code" in loaded) return { ok: false, fault: loaded };
      const { operation, bytes } = loaded;
      const pinned = { source: "pinned operation", mediaType: "application/json" };
      await writeArtifact(call.capture, "operation", bytes, pinned);
      if (asked.pagination !== undefined && operation.method !== "GET")
        return refuse(`pages are asked for by GET, and this operation is \`${operation.method}\``);
      const problem = secretProblem(operation, call.secrets);
      if (problem !== undefined) return refuse(problem);
      const request = buildRequest(operation, loaded.check, asked, call.secrets);
      await writeJsonArtifact(call.capture, "request", describeRequest(request), "openapi request");
      phase = "response";
      return await exchange(call, asked, loaded, request);
    } catch (error) {
      if (error instanceof RequestRefused) return refuse(error.message);
      return { ok: false, fault: faultOf(error, phase, call.signal) };
    }
  },
};

/** Asks for the first page and those that follow it; an operation without pages has one. */
async function exchange(
  call: Call,
  asked: OpenapiParameters,
  loaded: LoadedOperation,
  first: HttpRequest,
): Promise<AdapterOutcome> {
  const { pagination } = asked;
  const heads: Record<string, unknown>[] = [];
  const read: Read = { count: 0, size: 0, seen: 0, bodies: [] };
  const visited = new Set<string>();
  let firstPage: Page | undefined;
  let next: { request: HttpRequest; named: boolean } | undefined = { request: first, named: false };
  try {
    while (next !== undefined && read.count < (pagination?.maxPages ?? 1)) {
      const request: HttpRequest = next.request;
      const named: boolean = next.named;
      if (visited.has(request.url.href)) return fail("PAGE_LOOP", "the pages run in a loop");
      visited.add(request.url.href);
      const number = read.count + 1;
      if (number > 1 && call.capture.wants("response-body") && !call.capture.wants(`page-${number}`))
        return fail("EVIDENCE_INCOMPLETE", `the contract has no artifact \`page-${number}\``);
      const answered = await ask(call, asked, loaded, request, { named, number, heads });
      if ("ok" in answered) return answered;
      firstPage ??= answered;
      take(read, answered, pagination?.items);
      if (read.size > MAX_ALL_PAGES)
        return fail("SIZE_EXCEEDED", `the pages are longer than ${MAX_ALL_PAGES} bytes together`);
      const counts = { page: number, seen: read.seen };
      const found: NextPage =
        pagination && nextPage(pagination, request, answered.response, answered.body, counts);
      if (found !== undefined && "refused" in found) return fail("PAGE_REFUSED", found.refused);
      next = found;
    }
  } finally {
    if (heads.length > 0) {
      const [head, ...others] = heads;
      await writeJsonArtifact(
        call.capture,
        "response-head",
        { ...head, pages: others },
        "openapi response head",
      );
    }
  }
  if (firstPage === undefined) throw new TypeError("there is no page without an answer");
  return { ok: true, result: resultOf(asked, first, firstPage, read, next === undefined) };
}

/** What was read of all pages so far: of their bodies only what may still go into the result. */
interface Read {
  count: number;
  /** Bytes of the bodies' text. */
  size: number;
  /** How many items there were. */
  seen: number;
  bodies: (Json | undefined)[];
}

function take(read: Read, { body, size }: Page, items: string | undefined): void {
  read.count += 1;
  read.size += size;
  read.seen += items === undefined ? 0 : (itemsOf(body, items)?.length ?? 0);
  if (read.size <= MAX_TEXT) read.bodies.push(body);
  else read.bodies = [];
}

/** One page that fits what the operation describes. */
interface Page {
  readonly response: HttpResponse;
  readonly matched: Matched;
  readonly body: Json | undefined;
  /** Bytes of the body's text. */
  readonly size: number;
}

async function ask(
  call: Call,
  asked: OpenapiParameters,
  { operation, check }: LoadedOperation,
  request: HttpRequest,
  options: { named: boolean; number: number; heads: Record<string, unknown>[] },
): Promise<Page | AdapterOutcome> {
  const { named, number, heads } = options;
  const response = await sendRequest(call.network, request, { redirected: named, signal: call.signal });
  try {
    heads.push(describeHead(request.url.href, response));
    const { status, headers, message } = response;
    const artifact = number === 1 ? "response-body" : `page-${number}`;
    const isFault = status >= 400 && asked.expectStatus?.includes(status) !== true;
    const encoding = encodingOf(headers);
    const isForeign = encoding !== "identity" && !asksFor(request, encoding);
    // What is not decoded cannot grow: a few bytes on the wire may be many megabytes.
    const maxText = isForeign ? 0 : isFault ? MAX_ERROR_TEXT : MAX_CHECKED;
    const bounds = { artifact, maxText, maxValues: MAX_VALUES };
    const received = await readBody(message, headers, call.capture, bounds);
    const matched = matchStatus(operation, status);
    if (isFault) return statusFault(response, matched, received.json);
    if (isForeign && received.size > 0)
      return fail(
        "OUTPUT_CONTRACT_VIOLATION",
        `the body is encoded as \`${encoding.slice(0, 40)}\`, which was not asked for`,
      );
    if (matched === undefined)
      return violation(status, [{ path: "", message: `status ${status} is not described` }]);
    if (received.textOmitted === "too-large" && matched.content !== undefined)
      return fail(
        "SIZE_EXCEEDED",
        `the body is longer than ${MAX_CHECKED} bytes, which is what is held against a schema`,
      );
    const isJson = isJsonType(mediaTypeOf(headers.get("content-type")));
    if (received.jsonOmitted !== undefined && isJson && matched.content !== undefined)
      return fail("SIZE_EXCEEDED", `the body has more than ${MAX_VALUES} values`);
    const hasBody = operation.method !== "HEAD" && status !== 204 && status !== 304;
    const checked = checkBody(matched, headers.get("content-type"), received, hasBody, check);
    if (!checked.ok) return violation(status, checked.misfits);
    return { response, matched, body: checked.body, size: Buffer.byteLength(received.text ?? "") };
  } finally {
    response.message.destroy();
  }
}

/** Whether a request asks for a content coding by name. */
function asksFor({ headers }: HttpRequest, encoding: string): boolean {
  const asked = (headers.get("accept-encoding") ?? "").toLowerCase().split(",");
  return asked.some((one) => one.split(";", 1)[0]?.trim() === encoding);
}

function resultOf(
  asked: OpenapiParameters,
  request: HttpRequest,
  { response, matched, body }: Page,
  { count, size, bodies }: Read,
  complete: boolean,
): JsonObject {
  const { pagination } = asked;
  // Larger ones are artifacts only.
  const fits = size <= MAX_TEXT;
  const pointer = pagination?.items;
  const items = pointer === undefined ? undefined : bodies.flatMap((one) => itemsOf(one, pointer) ?? []);
  return {
    operation: asked.operation,
    status: response.status,
    response: matched.key,
    url: request.url.href,
    headers: Object.fromEntries(response.headers),
    mediaType: mediaTypeOf(response.headers.get("content-type")),
    address: response.address,
    tls: response.tls,
    ...(body === undefined || !fits ? {} : { body }),
    ...(fits ? {} : { bodyOmitted: "too-large" }),
    ...(pagination === undefined ? {} : { pages: { count, complete } }),
    ...(pagination === undefined || !fits ? {} : { bodies: bodies.map((one) => one ?? null) }),
    ...(items === undefined || !fits ? {} : { items }),
  };
}

function statusFault(
  response: HttpResponse,
  matched: Matched | undefined,
  body: Json | undefined,
): AdapterOutcome {
  const { status, headers } = response;
  const retryAfterMs = retryAfterMillis(headers.get("retry-after"), Date.now());
  const isShort = body !== undefined && JSON.stringify(body).length <= MAX_ERROR_BODY;
  return fail("HTTP_STATUS", `the server answered with status ${status}`, {
    status,
    response: matched?.key ?? null,
    ...(isShort ? { body } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The answer does not fit the description: where, and how. */
function violation(status: number, misfits: readonly Misfit[]): AdapterOutcome {
  const text = misfits.map(({ path, message }) =>
    path === "" ? `the body ${message}` : `\`${path}\` ${message}`,
  );
  return fail(
    "OUTPUT_CONTRACT_VIOLATION",
    text
      .join("; ")
      .replace(/^the body status/, "status")
      .slice(0, 2000),
    {
      status,
      faults: misfits.map(({ path, message }) => ({ path, message })),
    },
  );
}

function refuse(message: string): AdapterOutcome {
  return {
    ok: false,
    fault: { code: "PARAMETERS_INVALID", phase: "prepare", message: message.slice(0, 2000) },
  };
}

function fail(code: string, message: string, facts?: JsonObject): AdapterOutcome {
  return {
    ok: false,
    fault: { code, phase: "response", message, ...(facts === undefined ? {} : { facts }) },
  };
}
