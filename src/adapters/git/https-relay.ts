import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as startRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Call, Fault } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import { hostPort } from "../../adapter/host-name.ts";
import type { Remote } from "./parameters.ts";

const TOKEN = "x-witnessops-relay";
const PASSED = ["accept", "content-type", "content-encoding", "git-protocol", "user-agent"];
const RETURNED = ["content-type", "content-encoding", "cache-control"];

/** What git may ask (gitprotocol-http), and the media type of the answer. */
const types = new Map([
  ["GET /info/refs?service=git-upload-pack", "application/x-git-upload-pack-advertisement"],
  ["POST /git-upload-pack", "application/x-git-upload-pack-result"],
]);

/** A server of one call on loopback: what git asks it goes to the remote, over guarded TLS. */
export interface HttpsRelay {
  /** What git is given as the remote. */
  readonly url: string;
  /** The header without which the relay answers nobody: other users of this host know the port, not the token. */
  readonly header: string;
  readonly address: string | undefined;
  /** Why the remote failed the first request that it did; waits for what a remote that has gone left unfinished. */
  readFault(): Promise<Fault | undefined>;
  close(): void;
}

/** Which side of a forwarded request went first. */
interface Ends {
  first: "git" | "remote" | undefined;
}

/**
 * Starts the relay. It adds the contract's secret headers, follows no redirect, and ends with `SIZE_EXCEEDED` when the
 * remote sends more than `maxBytes`. Certificates are checked as for every connection of the guard.
 */
export async function startRelay(call: Call, remote: Remote, maxBytes: number): Promise<HttpsRelay> {
  const token = randomBytes(24).toString("hex");
  let fault: Fault | undefined;
  let address: string | undefined;
  let received = 0;
  const prefix = remote.path.replace(/\/+$/, "");

  async function forward(asked: IncomingMessage, answer: ServerResponse, ends: Ends): Promise<void> {
    const path = asked.url ?? "/";
    const type = types.get(`${asked.method} ${path.slice(prefix.length)}`);
    if (asked.headers[TOKEN] !== token || !path.startsWith(prefix) || type === undefined)
      return void answer.writeHead(403).end();
    const { host, port } = remote;
    const connection = await call.network.connectTls({ host, port, signal: call.signal, alpn: ["http/1.1"] });
    address ??= connection.address;
    for (const event of ["end", "error", "close"])
      connection.stream.once(event, () => {
        ends.first ??= "remote";
      });
    const headers: Record<string, string> = {
      host: port === 443 ? hostPort(host, 443).replace(/:443$/, "") : hostPort(host, port),
    };
    for (const name of PASSED) {
      const value = asked.headers[name];
      if (typeof value === "string") headers[name] = value;
    }
    for (const { into, value } of call.secrets) {
      const { kind, name, scheme } = into;
      if (kind !== "header") continue;
      const basic = scheme === "basic" ? `Basic ${Buffer.from(value).toString("base64")}` : value;
      headers[name.toLowerCase()] = scheme === "bearer" ? `Bearer ${value}` : basic;
    }
    const upstream = startRequest({
      createConnection: () => connection.stream,
      method: asked.method,
      path,
      headers,
      setHost: false,
      signal: call.signal,
    });
    const [response] = await Promise.all([
      once(upstream, "response") as Promise<[IncomingMessage]>,
      pipeline(asked, upstream),
    ]).then(([[first]]) => [first]);
    if (response === undefined) return;
    const status = response.statusCode ?? 502;
    if (status !== 200)
      fault ??= {
        code: "HTTP_STATUS",
        phase: "response",
        message: `the remote answered ${status}`,
        facts: { status },
      };
    else if (response.headers["content-type"] !== type) {
      // Git would take it for the old protocol of plain files, in which anything can be an empty list.
      const message = "the remote does not speak the smart HTTP protocol of git";
      fault ??= { code: "PROTOCOL_ERROR", phase: "response", message };
      answer.writeHead(502).end();
      return void response.destroy();
    }
    const kept = RETURNED.flatMap((name) => {
      const value = response.headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    });
    answer.writeHead(status, Object.fromEntries(kept));
    response.on("data", (chunk: Uint8Array) => {
      received += chunk.length;
      if (received <= maxBytes) return;
      const message = `the remote sends more than ${maxBytes} bytes`;
      fault ??= { code: "SIZE_EXCEEDED", phase: "response", message };
      response.destroy();
      answer.destroy();
    });
    await pipeline(response, answer);
  }

  function note(error: unknown): void {
    try {
      fault ??= faultOf(error, "response", call.signal);
    } catch {
      fault ??= { code: "CONNECTION_LOST", phase: "response", message: "the remote ended the connection" };
    }
  }

  const forwarded = new Map<Ends, Promise<void>>();
  const server = createServer((asked, answer) => {
    const ends: Ends = { first: undefined };
    for (const event of ["error", "close"])
      asked.socket.once(event, () => {
        ends.first ??= "git";
      });
    const forwarding = forward(asked, answer, ends).catch((error: unknown) => {
      // What breaks because git has left says nothing of the remote: git's own end tells why.
      if (ends.first !== "git") note(error);
      if (!answer.headersSent) answer.writeHead(502);
      answer.destroy();
    });
    forwarded.set(ends, forwarding);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    header: `${TOKEN}: ${token}`,
    get address() {
      return address;
    },
    async readFault() {
      for (const [{ first }, forwarding] of forwarded) if (first === "remote") await forwarding;
      return fault;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
