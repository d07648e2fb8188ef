import type { Call, Fault } from "../../adapter/adapter.ts";
import { writeJsonArtifact } from "../../adapter/write-artifact.ts";
import type { S3Parameters } from "./parameters.ts";
import { fieldOf } from "./read-listing.ts";
import { readBody, type S3Response, sendRequest } from "./send-request.ts";
import { credentialsOf, type S3Request, signRequest, urlOf } from "./sign-request.ts";

/** Longest error, in bytes. */
export const MAX_ERROR = 64 * 1024;

/** One call: what it asks for, and the way to the store. */
export interface Session {
  readonly call: Call;
  readonly asked: S3Parameters;
  readonly url: URL;
  /** Signs, sends, captures both heads. @throws S3Failed for every status but 200, 2xx of PUT, and 404 of HEAD. */
  send(request: S3Request): Promise<S3Response>;
}

/** What ends a call, as its fault. */
export class S3Failed extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** @returns a fault when the call cannot be made as it is: no credentials, a key too many or too few, or one that no URL takes. */
export function openSession(call: Call, asked: S3Parameters, state: { phase: string }): Session | Fault {
  const isList = asked.operation === "list";
  const credentials = credentialsOf(call.secrets);
  if (credentials === undefined)
    return prepareFault(
      "SECRET_MISSING",
      "the contract names no `access-key-id` and `secret-access-key` (kind `key`)",
    );
  if (isList !== (asked.key === undefined))
    return prepareFault(
      "PARAMETERS_INVALID",
      isList ? "`list` takes no `key`" : `\`${asked.operation}\` takes a \`key\``,
    );
  const url = urlOf(asked, asked.key);
  if (url === undefined)
    return prepareFault("PARAMETERS_INVALID", "the `key` cannot stand in a URL as it is");
  let isFirst = true;
  return {
    call,
    asked,
    url,
    async send(request) {
      const headers = await signRequest(request, credentials, asked.region);
      if (isFirst) {
        const { method, body } = request;
        const described = {
          method,
          url: request.url.href,
          headers: request.headers,
          bodySize: body?.length ?? 0,
        };
        await writeJsonArtifact(call.capture, "request", described, "s3 request");
      }
      state.phase = "connect";
      const response = await sendRequest(call, { ...request, headers }, () => (state.phase = "response"));
      if (isFirst) {
        const { status, message, address } = response;
        const head = { status, address, headers: pairsOf(message.rawHeaders) };
        await writeJsonArtifact(call.capture, "response-head", head, "s3 response");
      }
      isFirst = false;
      const isMissing = response.status === 404 && request.method === "HEAD";
      const isStored = request.method === "PUT" && response.status >= 200 && response.status < 300;
      if (response.status !== 200 && !isMissing && !isStored)
        throw new S3Failed(await statusFault(response, request.method === "PUT"));
      return response;
    },
  };
}

/** Of an answer that leaves open whether the object was put; no answer in the sense of `isDoubtful`. */
export const UNCERTAIN = "STORE_UNCERTAIN";

/**
 * A status that is no success, with the store's own code for it. After a failure of its own (5xx) a store may have kept the
 * object all the same.
 */
async function statusFault(response: S3Response, isPut: boolean): Promise<Fault> {
  const s3Code =
    fieldOf(await readText(response), "Code")
      ?.slice(0, 100)
      .toWellFormed() ?? null;
  const { status } = response;
  const message = `the store answered ${status}${s3Code === null ? "" : ` ${s3Code}`}`;
  const code = isPut && status >= 500 ? UNCERTAIN : "HTTP_STATUS";
  const facts = { status, s3Code, deleteMarker: isDeleteMarker(response) };
  return { code, phase: "response", message, facts };
}

/** Whether the object is gone because a version without content stands on top of its others. */
export function isDeleteMarker(response: S3Response): boolean {
  return response.header("x-amz-delete-marker") === "true";
}

/** What could be read of a short answer. */
async function readText(response: S3Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  await readBody(response, MAX_ERROR, (chunk) => chunks.push(chunk)).catch(() => undefined);
  return Buffer.concat(chunks).toString("utf8");
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? "", raw[2 * i + 1] ?? ""]);
}

/** What is wrong before anything is sent. */
export function prepareFault(code: string, message: string): Fault {
  return { code, phase: "prepare", message };
}
