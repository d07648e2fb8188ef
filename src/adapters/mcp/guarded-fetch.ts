import { type IncomingMessage, request as startRequest } from "node:http";
import { Readable } from "node:stream";
import type { FetchLike } from "@modelcontextprotocol/client";
import type { Call } from "../../adapter/adapter.ts";

/** Most that all answers of one call may have together, in bytes. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Statuses whose answers have no body. */
const EMPTY = new Set([101, 204, 205, 304]);

/** A request to another origin than the contract's, which the server or the client's library asked for. */
export class OriginRefused extends Error {
  readonly code = "ORIGIN_REFUSED";
}

/** More came than one call may have. */
export class AnswerTooLarge extends Error {
  readonly code = "SIZE_EXCEEDED";
}

/**
 * A `fetch` whose every connection goes through the egress guard, to one origin, with the contract's secret headers.
 * Redirects are not followed.
 *
 * @param onFailure told what kept a request from being answered; the client's library wraps it beyond recognition.
 */
export function guardedFetch(call: Call, origin: string, onFailure: (error: unknown) => void): FetchLike {
  const send = fetchWithin(call, origin);
  return async (input, init) => {
    try {
      return await send(input, init);
    } catch (error) {
      onFailure(error);
      throw error;
    }
  };
}

function fetchWithin(call: Call, origin: string): FetchLike {
  let read = 0;
  return async (input, init) => {
    const asked = new Request(input, init);
    const url = new URL(asked.url);
    if (url.origin !== origin) throw new OriginRefused(`\`${url.origin}\` is not the contract's server`);
    const secure = url.protocol === "https:";
    const target = {
      host: url.hostname,
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      signal: call.signal,
    };
    const connection = secure
      ? await call.network.connectTls({ ...target, alpn: ["http/1.1"], requireTrusted: true })
      : await call.network.connect(target);
    const headers: Record<string, string> = Object.fromEntries(asked.headers);
    for (const { into, value } of call.secrets) {
      if (into.kind === "header")
        headers[into.name.toLowerCase()] = into.scheme === "bearer" ? `Bearer ${value}` : value;
    }
    const body = asked.body === null ? undefined : Buffer.from(await asked.arrayBuffer());
    if (body !== undefined) headers["content-length"] = String(body.length);
    const signal = AbortSignal.any([asked.signal, call.signal]);
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const client = startRequest({
        createConnection: () => connection.stream,
        method: asked.method,
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, ...headers },
        setHost: false,
        signal,
      });
      client.once("response", resolve);
      client.on("error", reject);
      client.end(body);
    });
    message.on("data", (chunk: Uint8Array) => {
      read += chunk.length;
      if (read > MAX_BYTES) message.destroy(new AnswerTooLarge("the server answered more than 32 MiB"));
    });
    message.pause();
    const status = message.statusCode ?? 500;
    const lines: [string, string][] = [];
    for (let i = 0; i + 1 < message.rawHeaders.length; i += 2)
      lines.push([message.rawHeaders[i] ?? "", message.rawHeaders[i + 1] ?? ""]);
    if (EMPTY.has(status)) message.resume();
    const stream = EMPTY.has(status) ? null : (Readable.toWeb(message) as ReadableStream<Uint8Array>);
    return new Response(stream, { status, headers: lines });
  };
}
