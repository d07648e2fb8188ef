import type { Adapter, AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import { readBody } from "../../adapter/http/read-body.ts";
import { describeRequest, type HttpRequest } from "../../adapter/http/request.ts";
import { retryAfterMillis } from "../../adapter/http/retry-after.ts";
import { describeHead, type HttpResponse, sendRequest } from "../../adapter/http/send-request.ts";
import { writeJsonArtifact } from "../../adapter/write-artifact.ts";
import type { JsonObject } from "../../format/json.ts";
import { buildRequest } from "./build-request.ts";
import { followRedirect } from "./follow-redirect.ts";
import { type HttpParameters, parameters } from "./parameters.ts";

/** One HTTP/1.1 exchange, with a bounded number of redirects, each decided again by the egress guard. */
export const http: Adapter = {
  id: "http",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as HttpParameters;
    const request = buildRequest(asked, call.secrets);
    if ("code" in request) return { ok: false, fault: { ...request, phase: "request" } };
    try {
      await writeJsonArtifact(call.capture, "request", describeRequest(request), "http request");
    } catch (error) {
      return { ok: false, fault: faultOf(error, "request", call.signal) };
    }
    try {
      return await exchange(call, asked, request);
    } catch (error) {
      return { ok: false, fault: faultOf(error, "response", call.signal) };
    }
  },
};

async function exchange(call: Call, asked: HttpParameters, first: HttpRequest): Promise<AdapterOutcome> {
  const heads: Record<string, unknown>[] = [];
  try {
    return await walk(call, asked, first, heads);
  } finally {
    // A walk that ended among the redirects has not written the heads it saw.
    if (heads.length > 0) await writeHead(call, heads);
  }
}

async function walk(
  call: Call,
  asked: HttpParameters,
  first: HttpRequest,
  heads: Record<string, unknown>[],
): Promise<AdapterOutcome> {
  const { followRedirects = 0, expectStatus = [] } = asked;
  const redirects: { status: number; url: string }[] = [];
  const visited = new Set([visitOf(first)]);
  let request = first;
  for (;;) {
    const redirected = redirects.length > 0;
    const response = await sendRequest(call.network, request, { redirected, signal: call.signal });
    try {
      heads.push(describeHead(request.url.href, response));
      const { status, headers, message } = response;
      const next =
        followRedirects === 0 ? undefined : followRedirect(request, status, headers.get("location"));
      if (next === undefined) {
        await writeHead(call, heads.splice(0));
        const body = await readBody(message, headers, call.capture);
        if (status >= 400 && !expectStatus.includes(status)) return statusFault(response);
        return { ok: true, result: describe(request, response, redirects, { ...body }) };
      }
      if (next === "malformed") {
        return redirectFault("REDIRECT_MALFORMED", "the redirect names no http or https URL", status);
      }
      if (visited.has(visitOf(next)))
        return redirectFault("REDIRECT_LOOP", "the redirects run in a loop", status);
      if (redirects.length >= followRedirects) {
        return redirectFault("REDIRECT_LIMIT", `more than ${followRedirects} redirects`, status);
      }
      redirects.push({ status, url: next.url.href });
      visited.add(visitOf(next));
      request = next;
    } finally {
      response.message.destroy();
    }
  }
}

function redirectFault(code: string, message: string, status: number): AdapterOutcome {
  return { ok: false, fault: { code, phase: "response", message, facts: { status } } };
}

function visitOf(request: HttpRequest): string {
  return `${request.method} ${request.url.href}`;
}

/** The last response's head, and those of the redirects before it. */
async function writeHead(call: Call, heads: readonly Record<string, unknown>[]): Promise<void> {
  const redirects = heads.slice(0, -1);
  const value = { ...heads[heads.length - 1], redirects };
  await writeJsonArtifact(call.capture, "response-head", value, "http response head");
}

function statusFault(response: HttpResponse): AdapterOutcome {
  const { status, headers } = response;
  const retryAfterMs = retryAfterMillis(headers.get("retry-after"), Date.now());
  return {
    ok: false,
    fault: {
      code: "HTTP_STATUS",
      phase: "response",
      message: `the server answered with status ${status}`,
      facts: { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    },
  };
}

function describe(
  request: HttpRequest,
  response: HttpResponse,
  redirects: readonly JsonObject[],
  body: JsonObject,
): JsonObject {
  return {
    status: response.status,
    statusText: response.message.statusMessage ?? "",
    url: request.url.href,
    headers: Object.fromEntries(response.headers),
    redirects,
    address: response.address,
    tls: response.tls,
    body,
  };
}
