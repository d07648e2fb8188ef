import type { Adapter, AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import { readBody } from "../../adapter/http/read-body.ts";
import { describeRequest, type HttpRequest } from "../../adapter/http/request.ts";
import { retryAfterMillis } from "../../adapter/http/retry-after.ts";
import { describeHead, type HttpResponse, sendRequest } from "../../adapter/http/send-request.ts";
import { MAX_TEXT } from "../../adapter/read-text.ts";
import { writeArtifact, writeJsonArtifact } from "../../adapter/write-artifact.ts";
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
/** How much of an error's body stands in the fault, in bytes of its text. */
const MAX_ERROR_BODY = 16 * 1024;

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
  const pages: Page[] = [];
  const visited = new Set<string>();
  let items: Json[] | undefined = pagination?.items === undefined ? undefined : [];
  let next: { request: HttpRequest; named: boolean } | undefined = { request: first, named: false };
  try {
    while (next !== undefined && pages.length < (pagination?.maxPages ?? 1)) {
      const request: HttpRequest = next.request;
      const named: boolean = next.named;
      if (visited.has(request.url.href)) return fail("PAGE_LOOP", "the pages run in a loop");
      visited.add(request.url.href);
      const number = pages.length + 1;
      if (number > 1 && call.capture.wants("response-body") && !call.capture.wants(`page-${number}`))
        return fail("EVIDENCE_INCOMPLETE", `the contract has no artifact \`page-${number}\``);
      const answered = await ask(call, asked, loaded, request, { named, number, heads });
      if ("ok" in answered) return answered;
      pages.push(answered);
      const list = pagination?.items === undefined ? undefined : itemsOf(answered.body, pagination.items);
      items = items === undefined || list === undefined ? items : [...items, ...list];
      const counts = { page: number, seen: items?.length ?? 0 };
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
  return { ok: true, result: resultOf(asked, first, pages, items, next === undefined) };
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
    const received = await readBody(message, headers, call.capture, { artifact, maxText: MAX_CHECKED });
    const matched = matchStatus(operation, status);
    if (status >= 400 && asked.expectStatus?.includes(status) !== true)
      return statusFault(response, matched, received.json);
    if (matched === undefined)
      return violation(status, [{ path: "", message: `status ${status} is not described` }]);
    if (received.textOmitted === "too-large" && matched.content !== undefined)
      return fail(
        "SIZE_EXCEEDED",
        `the body is longer than ${MAX_CHECKED} bytes, which is what is held against a schema`,
      );
    const hasBody = operation.method !== "HEAD" && status !== 204 && status !== 304;
    const checked = checkBody(matched, headers.get("content-type"), received, hasBody, check);
    if (!checked.ok) return violation(status, checked.misfits);
    return { response, matched, body: checked.body, size: Buffer.byteLength(received.text ?? "") };
  } finally {
    response.message.destroy();
  }
}

function resultOf(
  asked: OpenapiParameters,
  request: HttpRequest,
  pages: readonly Page[],
  items: readonly Json[] | undefined,
  complete: boolean,
): JsonObject {
  const [first] = pages;
  if (first === undefined) throw new TypeError("there is no page without an answer");
  const { response, matched } = first;
  const bodies = pages.map(({ body }) => body ?? null);
  // Larger ones are artifacts only.
  const fits = pages.reduce((sum, { size }) => sum + size, 0) <= MAX_TEXT;
  return {
    operation: asked.operation,
    status: response.status,
    response: matched.key,
    url: request.url.href,
    headers: Object.fromEntries(response.headers),
    mediaType: mediaTypeOf(response.headers.get("content-type")),
    address: response.address,
    tls: response.tls,
    ...(first.body === undefined || !fits ? {} : { body: first.body }),
    ...(fits ? {} : { bodyOmitted: "too-large" }),
    ...(asked.pagination === undefined ? {} : { pages: { count: pages.length, complete } }),
    ...(asked.pagination === undefined || !fits ? {} : { bodies }),
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
