import type { IncomingMessage } from "node:http";
import type { Call } from "../../adapter/adapter.ts";

/** A response of the store whose head has arrived. */
export interface S3Response {
  readonly message: IncomingMessage;
  readonly status: number;
  readonly address: string;
  /** The value of a header, when it came once. */
  header(name: string): string | null;
}

/** Sends a signed request over a guarded TLS connection. @throws EgressRefused, NetworkFault, or Node's error. */
export async function sendRequest(
  call: Call,
  sent: { method: string; url: URL; headers: Record<string, string>; body: Uint8Array | undefined },
  onConnected: () => void,
): Promise<S3Response> {
  // Only now: importing node:http costs a sixth of a short command's time.
  const { request: startRequest } = await import("node:http");
  const { url, method, headers, body } = sent;
  const connection = await call.network.connectTls({
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 443 : Number(url.port),
    signal: call.signal,
    alpn: ["http/1.1"],
  });
  onConnected();
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const client = startRequest({
      createConnection: () => connection.stream,
      method,
      path: `${url.pathname}${url.search}`,
      headers: body === undefined ? headers : { ...headers, "content-length": String(body.length) },
      setHost: false,
      signal: call.signal,
    });
    client.once("response", resolve);
    client.on("error", reject);
    client.end(body);
  });
  return {
    message,
    status: message.statusCode ?? 0,
    address: connection.address,
    header(name) {
      const value = message.headers[name];
      return typeof value === "string" ? value : null;
    },
  };
}

/** More came than may come. */
export class AnswerTooLarge extends Error {
  readonly code = "SIZE_EXCEEDED";
}

/** Reads a body to its end; what it holds goes to `take` as it comes. @throws AnswerTooLarge. */
export async function readBody(
  { message }: S3Response,
  maxBytes: number,
  take: (bytes: Uint8Array) => unknown,
): Promise<void> {
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerTooLarge(`the store answers more than ${maxBytes} bytes`);
    await take(chunk);
  }
}
