import { Resolver } from "node:dns/promises";
import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import type { Adapter } from "../src/adapter/adapter.ts";
import { dns } from "../src/adapters/dns/dns-adapter.ts";
import { http } from "../src/adapters/http/http-adapter.ts";
import { tls } from "../src/adapters/tls/tls-adapter.ts";
import { type CallOptions, LOOPBACK, resultOf, runAdapter } from "../test/adapter-call.ts";
import { makeCertificate, startHttps, startZone } from "../test/local-servers.ts";
import { type Effort, type Line, medianOf } from "./figure.ts";

const NAME = "shop.test";

interface Pair {
  readonly id: string;
  readonly adapter: Adapter;
  readonly options: CallOptions;
  /** The same with the bare clients of Node.js: the name looked up, and a connection of its own. */
  readonly bare: () => Promise<unknown>;
}

/** One call of an adapter through the egress guard, beside the bare client on the same server; in turn, median. */
export async function benchAdapters({ quick }: Effort): Promise<Line[]> {
  const certificate = await makeCertificate(NAME);
  const server = await startHttps(certificate, (_, response) => void response.end('{"ok":true}'));
  const zone = await startZone({ [NAME]: ["127.0.0.1"] });
  const include = [`host:${NAME}`, ...LOOPBACK];
  const reach = { extraCa: certificate.cert, resolvers: [zone.resolver], include, timeoutMs: 10_000 };
  const { port } = server;
  const endpoints = [{ host: NAME, port, protocol: "tcp" as const }];
  const pairs: Pair[] = [
    {
      id: "http",
      adapter: http,
      options: { ...reach, endpoints, with: { method: "GET", url: `https://${NAME}:${port}/` } },
      bare: () => askBare(zone.resolver).then(() => getBare(port, certificate.cert)),
    },
    {
      id: "tls",
      adapter: tls,
      options: { ...reach, endpoints, with: { host: NAME, port } },
      bare: () => askBare(zone.resolver).then(() => shakeBare(port, certificate.cert)),
    },
    {
      id: "dns",
      adapter: dns,
      options: { ...reach, with: { name: NAME, types: ["A"] } },
      bare: () => askBare(zone.resolver),
    },
  ];
  try {
    const lines: Line[] = [];
    for (const pair of pairs) lines.push(...(await measure(pair, quick ? 100 : 1000)));
    return lines;
  } finally {
    await server.close();
    await zone.close();
  }
}

async function measure({ id, adapter, options, bare }: Pair, rounds: number): Promise<Line[]> {
  const governed: number[] = [];
  const floor: number[] = [];
  for (let round = -20; round < rounds; round++) {
    const began = performance.now();
    resultOf(await runAdapter(adapter, options));
    const between = performance.now();
    await bare();
    const ended = performance.now();
    // The first rounds compile and fill caches.
    if (round < 0) continue;
    governed.push(between - began);
    floor.push(ended - between);
  }
  const [ours, theirs] = [medianOf(governed), medianOf(floor)] as [number, number];
  return [
    {
      id: `${id}OverBareMs`,
      name: `adapter \`${id}\` over the bare client, p50`,
      kind: "figure",
      value: ours - theirs,
      unit: "ms",
      target: { atMost: 1 },
    },
    { id: `${id}BareMs`, name: "floor: the bare client", kind: "floor", value: theirs, unit: "ms" },
  ];
}

function getBare(port: number, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", servername: NAME, port, ca, agent: false };
    const sent = request(options, (response) => {
      response.resume();
      response.on("end", resolve);
    });
    sent.on("error", reject);
    sent.end();
  });
}

function shakeBare(port: number, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", servername: NAME, port, ca }, () => {
      socket.getPeerCertificate(true);
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

function askBare(server: string): Promise<unknown> {
  const resolver = new Resolver();
  resolver.setServers([server]);
  return resolver.resolve4(NAME);
}
