import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { request } from "node:http";
import { get } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { type LocalServer, startHttps } from "../local-servers.ts";

/** A TLS proxy before a server of loopback that speaks plain HTTP, as its operator would put one there. */
export function startTlsFront(
  certificate: { key: string; cert: string },
  port: number,
): Promise<LocalServer> {
  return startHttps(certificate, (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
}

/** Starts a program that serves until it is killed; what it prints is dropped. */
export function serve(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(program, args, { ...options, stdio: "ignore" });
}

/** Asks again until a server answers as hoped. @throws Error after a minute, or once the server has ended. */
export async function until(
  what: string,
  server: ChildProcess,
  holds: () => Promise<boolean>,
): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && server.exitCode === null; ) {
    if (await holds().catch(() => false)) return;
    await delay(50);
  }
  throw new Error(`${what} did not come about`);
}

/** Ends a program, and waits until it has ended, so that its folder can go. */
export async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGKILL");
  await ended;
}

/** The body of what a server with its own authority answers to a GET, whatever the status. */
export function getText(url: string, options: { ca: string; auth?: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { ...options, timeout: 2000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject);
  });
}
