import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as an external system saw it. */
export interface Seen {
  readonly method: string;
  /** `/<run label>/<step>`. */
  readonly path: string;
  /** The `idempotency-key` header. */
  readonly key: string;
  /** Its number among all requests; the answer names it. */
  readonly serial: number;
}

/** Size of the answer to a path under `/large`: more than fits into a row of the ledger. */
const LARGE = 150_000;

/** An external system that counts what is done to it: the judge of what was executed, and how often. */
export interface CountingServer {
  readonly base: string;
  readonly seen: readonly Seen[];
  /** Requests of one invocation, by its idempotency key. */
  by(key: string): readonly Seen[];
  /** Resolves when the next request has been counted, and not yet answered. */
  next(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts it on loopback.
 *
 * @param delay milliseconds between counting a request and answering it.
 */
export async function startCountingServer(delay: () => number): Promise<CountingServer> {
  const seen: Seen[] = [];
  const keys = new Map<string, Seen[]>();
  let waiting: (() => void)[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const key = String(request.headers["idempotency-key"] ?? "");
    const one = { method: request.method ?? "", path: request.url ?? "", key, serial: seen.length + 1 };
    seen.push(one);
    keys.set(key, [...(keys.get(key) ?? []), one]);
    for (const resolve of waiting.splice(0)) resolve();
    setTimeout(() => {
      response.setHeader("content-type", "application/json");
      const padding = one.path.startsWith("/large") ? "x".repeat(LARGE) : "";
      response.end(JSON.stringify({ serial: one.serial, padding }));
    }, delay());
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    by: (key) => keys.get(key) ?? [],
    next: () => new Promise((resolve) => waiting.push(resolve)),
    close() {
      for (const resolve of waiting) resolve();
      waiting = [];
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
