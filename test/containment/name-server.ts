import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request, type ServerResponse } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { makeCertificate, startHttps } from "../local-servers.ts";

/** A PowerDNS server with its API behind a TLS reverse proxy, as an operator would run it. */
export interface NameServer {
  /** Where its API is reached: `https://127.0.0.1:<port>`. */
  readonly api: string;
  readonly apiKey: string;
  readonly dnsPort: number;
  /** Certificate authority of the proxy, PEM. */
  readonly authority: string;
  /** Requests with this method from now on: `lose-answer` has the server act and never answers, `lose-request` keeps the request back. */
  fault: { method: string; kind: "lose-answer" | "lose-request" } | undefined;
  /** Requests that the fault was done to. */
  readonly lost: () => number;
  /** Asks the API itself, past the proxy and its faults; answers the status. @param body sent as JSON. */
  ask(method: string, path: string, body: object): Promise<number>;
  close(): Promise<void>;
}

/** The database schema that the SQLite backend's package brings. */
export const SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/** Starts it on loopback. @param folder an empty folder for its files. */
export async function startNameServer(folder: string): Promise<NameServer> {
  mkdirSync(folder);
  const database = new DatabaseSync(join(folder, "zones.sqlite"));
  database.exec(readFileSync(SCHEMA, "utf8"));
  database.close();
  const [dnsPort, apiPort] = [await freePort(), await freePort()];
  const apiKey = "pdns-0a1b2c3d4e5f60718293";
  const settings = {
    launch: "gsqlite3",
    "gsqlite3-database": join(folder, "zones.sqlite"),
    // A busy disk must not decide a test about killed processes.
    "gsqlite3-pragma-synchronous": 0,
    "socket-dir": folder,
    "local-address": "127.0.0.1",
    "local-port": dnsPort,
    webserver: "yes",
    "webserver-address": "127.0.0.1",
    "webserver-port": apiPort,
    api: "yes",
    "api-key": apiKey,
    "security-poll-suffix": "",
    guardian: "no",
    daemon: "no",
  };
  writeFileSync(
    join(folder, "pdns.conf"),
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const server = spawn("/usr/sbin/pdns_server", [`--config-dir=${folder}`], { stdio: "ignore" });
  await answers(`http://127.0.0.1:${apiPort}/api/v1/servers`, apiKey, server);

  let lost = 0;
  const held: ServerResponse[] = [];
  // Not `localhost`: a host may trust another certificate of that name, which is then looked at first.
  const certificate = await makeCertificate("name-server.test");
  const state: { fault: NameServer["fault"] } = { fault: undefined };
  const proxy = await startHttps(certificate, (incoming, outgoing) => {
    const fault = incoming.method === state.fault?.method ? state.fault?.kind : undefined;
    if (fault === "lose-request") {
      lost += 1;
      held.push(outgoing);
      return;
    }
    const onward = request(
      {
        host: "127.0.0.1",
        port: apiPort,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      (answer) => {
        if (fault === "lose-answer") {
          answer.resume().once("end", () => {
            lost += 1;
          });
          held.push(outgoing);
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  return {
    api: `https://127.0.0.1:${proxy.port}`,
    apiKey,
    dnsPort,
    authority: certificate.cert,
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
    lost: () => lost,
    async ask(method, path, body) {
      const headers = { "x-api-key": apiKey, "content-type": "application/json" };
      const url = `http://127.0.0.1:${apiPort}${path}`;
      const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
      await answer.arrayBuffer();
      return answer.status;
    },
    async close() {
      for (const one of held) one.destroy();
      await proxy.close();
      server.kill("SIGKILL");
    },
  };
}

async function answers(url: string, apiKey: string, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (server.exitCode !== null) break;
    const answer = await fetch(url, { headers: { "x-api-key": apiKey } }).catch(() => undefined);
    if (answer?.ok === true) return;
    await delay(100);
  }
  throw new Error("the name server did not start");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
