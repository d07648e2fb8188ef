import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { MAX_TIMESTAMP_BYTES } from "../../format/timestamp-response.ts";

/** The answer's bytes, or why there is none; `isDown` when the network or the server failed. */
export type Answer =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly why: string; readonly isDown: boolean };

/**
 * Posts a request to a time stamping authority (RFC 3161, 3.4): one connection, no redirect, no proxy, one deadline for
 * all of it, and no more than 64 KiB of answer. Never rejects.
 *
 * @param options.ca PEM of the authorities that HTTPS is checked with; default: the system's.
 */
export function askAuthority(
  url: string,
  query: Uint8Array,
  deadlineMs: number,
  { ca }: { readonly ca?: readonly string[] | undefined } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const down = (why: string): void => resolve({ ok: false, why, isDown: true });
    const failed = (error: Error): void =>
      down(signal.aborted ? `no answer within ${deadlineMs / 1000} s` : `not reached: ${reasonOf(error)}`);
    const options = {
      method: "POST",
      signal,
      agent: false,
      headers: {
        "content-type": "application/timestamp-query",
        "content-length": query.length,
        accept: "application/timestamp-reply",
        "user-agent": "witnessops",
      },
    } as const;
    const take = (response: IncomingMessage): void => {
      const refuse = (why: string, isDown: boolean): void => {
        response.destroy();
        resolve({ ok: false, why, isDown });
      };
      const { statusCode = 0, headers } = response;
      const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
      if (statusCode !== 200) {
        refuse(`it answered with status ${statusCode}`, true);
        return;
      }
      if (type !== "application/timestamp-reply") {
        refuse("its answer is no time-stamp reply", true);
        return;
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      response.on("data", (chunk: Uint8Array) => {
        size += chunk.length;
        if (size > MAX_TIMESTAMP_BYTES) refuse(`its answer has more than ${MAX_TIMESTAMP_BYTES} bytes`, true);
        else chunks.push(chunk);
      });
      response.on("error", failed);
      response.on("end", () => resolve({ ok: true, body: new Uint8Array(Buffer.concat(chunks)) }));
    };
    let sending: ClientRequest;
    try {
      sending = url.startsWith("https:")
        ? requestHttps(url, { ...options, ...(ca === undefined ? {} : { ca: [...ca] }) }, take)
        : requestHttp(url, options, take);
    } catch (error) {
      // It is no address, or the certificates are none.
      failed(error as Error);
      return;
    }
    sending.on("error", failed);
    // Without this an answer of 101 would end nothing, the deadline included: nobody asked for another protocol.
    sending.on("upgrade", (_response, socket) => {
      socket.destroy();
      down("it answered with status 101");
    });
    sending.end(query);
  });
}

function reasonOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
