import type { IncomingMessage } from "node:http";
import { digestOf } from "../../format/digest.ts";
import type { JsonObject } from "../../format/json.ts";
import { isThisMachine } from "../host-name.ts";
import { type Network, NetworkFault, type TlsConnection } from "../network.ts";
import { untilAborted } from "../until-aborted.ts";
import { type HttpRequest, wireHeaders, wireUrl } from "./request.ts";

const MAX_HEAD = 64 * 1024;

/** A response whose head has arrived; its body is still to be read. */
export interface HttpResponse {
  readonly message: IncomingMessage;
  readonly status: number;
  /** Lower-case names; repeated headers joined by `, ` (RFC 9110 section 5.3). */
  readonly headers: ReadonlyMap<string, string>;
  /** The checked address that was dialled. */
  readonly address: string;
  readonly tls: JsonObject | null;
}

/**
 * Sends one request over a guarded connection and waits for the response's head.
 *
 * @param options.redirected whether an answer named the URL: then the guard decides it by scope.
 * @throws EgressRefused, NetworkFault, or an error with Node's code (`ECONNRESET`, `HPE_…`).
 */
export async function sendRequest(
  network: Network,
  request: HttpRequest,
  options: { redirected: boolean; signal: AbortSignal },
): Promise<HttpResponse> {
  // Only now: importing node:http makes Node.js load its whole fetch as well, a sixth of a short command's time.
  const { request: startRequest } = await import("node:http");
  const { redirected, signal } = options;
  const { url } = request;
  const secure = url.protocol === "https:";
  if (!secure && request.secrets.length > 0 && !isThisMachine(url.hostname))
    throw new NetworkFault(
      "CLEARTEXT_REFUSED",
      "connect",
      "a secret is sent over https only, or over http to this machine",
    );
  const target = {
    host: url.hostname,
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    signal,
    ...(redirected ? { redirect: url.href } : {}),
  };
  const requireTrusted = request.requireTrusted || request.secrets.length > 0;
  const tls = secure
    ? await network.connectTls({ ...target, alpn: ["http/1.1"], requireTrusted })
    : undefined;
  const connection = tls ?? (await network.connect(target));
  const wire = wireUrl(request);
  const headers: Record<string, string | number> = {
    host: url.host,
    ...Object.fromEntries(wireHeaders(request)),
  };
  if (request.body !== undefined) headers["content-length"] = request.body.length;
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const client = startRequest({
      createConnection: () => connection.stream,
      method: request.method,
      path: `${wire.pathname}${wire.search}`,
      headers,
      setHost: false,
      maxHeaderSize: MAX_HEAD,
      signal,
    });
    client.once("response", resolve);
    client.on("error", reject);
    // Without these an answer of `101` would end nothing: nobody asked to speak another protocol.
    client.once("upgrade", (_message, socket) => {
      socket.destroy();
      reject(coded("HPE_INVALID_STATUS", "the server answered with status 101 and no request asked for it"));
    });
    client.once("close", () => reject(coded("ECONNRESET", "the connection ended without an answer")));
    client.end(request.body);
  });
  const message = await untilAborted(signal, answer);
  return {
    message,
    status: message.statusCode ?? 0,
    headers: joinHeaders(message.rawHeaders),
    address: connection.address,
    tls: tls === undefined ? null : describeTls(tls),
  };
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The response's head as evidence: every header line as it was sent. */
export function describeHead(url: string, response: HttpResponse): Record<string, unknown> {
  const { message, status, address, tls } = response;
  const lines: [string, string][] = [];
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    lines.push([message.rawHeaders[i] ?? "", message.rawHeaders[i + 1] ?? ""]);
  }
  return {
    url,
    httpVersion: message.httpVersion,
    status,
    statusText: message.statusMessage ?? "",
    headers: lines,
    address,
    tls,
  };
}

function joinHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? (raw[i + 1] ?? "") : `${before}, ${raw[i + 1] ?? ""}`);
  }
  return headers;
}

function describeTls(tls: TlsConnection): JsonObject {
  const leaf = tls.chain[0];
  return {
    protocol: tls.protocol,
    cipher: tls.cipher,
    trusted: tls.trusted,
    reason: tls.reason ?? null,
    peerCertificateDigest: leaf === undefined ? null : digestOf(leaf),
  };
}
