import { createSocket } from "node:dgram";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import dns2 from "dns2";
import { generate } from "selfsigned";

/** A server on loopback; `close` destroys its connections too. */
export interface LocalServer {
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: () => number;
  /** Connections open now. */
  readonly open: () => number;
  close(): Promise<void>;
}

/** Key and self-signed certificate for a name; the certificate serves as its own CA. */
export async function makeCertificate(name: string, days = 1): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: "commonName", value: name }], {
    keySize: 2048,
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - 10 * 86_400_000),
    notAfterDate: new Date(Date.now() + days * 86_400_000),
    extensions: [
      { name: "basicConstraints", cA: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: name },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  return { key, cert };
}

export function startHttp(listener: RequestListener): Promise<LocalServer> {
  return listen(createHttp(listener));
}

export function startHttps(credentials: { key: string; cert: string }, listener: RequestListener) {
  return listen(createHttps(credentials, listener));
}

export function startTls(credentials: { key: string; cert: string }) {
  return listen(createTls(credentials, (socket) => socket.on("error", () => undefined)));
}

/** A server that does with each connection what `handle` says. */
export function startTcp(handle: (socket: Socket) => void): Promise<LocalServer> {
  return listen(createTcp(handle));
}

async function listen(server: Server): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  let count = 0;
  server.on("connection", (socket: Socket) => {
    count++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => count,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Addresses by name; a name that is missing does not exist. */
export type Zone = Readonly<Record<string, readonly string[]>>;

/** A DNS responder that knows the addresses of a few names. */
export async function startZone(zone: Zone): Promise<{ resolver: string; close(): Promise<void> }> {
  return startDns((request, send) => {
    const [question] = request.questions;
    const response = dns2.Packet.createResponseFromRequest(request);
    const addresses = question === undefined ? undefined : zone[question.name.toLowerCase()];
    if (question === undefined || addresses === undefined) {
      response.header.rcode = 3;
      send(response);
      return;
    }
    for (const address of addresses) {
      const type = address.includes(":") ? dns2.Packet.TYPE.AAAA : dns2.Packet.TYPE.A;
      if (type !== question.type) continue;
      const answer = { name: question.name, type, class: dns2.Packet.CLASS.IN, ttl: 60, address };
      response.answers.push(new dns2.Packet.Resource(answer));
    }
    send(response);
  });
}

/** A port of loopback that nobody listens on, neither by UDP nor by TCP. */
export async function freePortOfBoth(): Promise<number> {
  for (;;) {
    const udp = createSocket("udp4");
    await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
    const { port } = udp.address();
    const tcp = createTcp();
    const isFree = await new Promise<boolean>((resolve) => {
      tcp.once("error", () => resolve(false));
      tcp.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise<void>((resolve) => udp.close(resolve));
    if (!isFree) continue;
    await new Promise((resolve) => tcp.close(resolve));
    return port;
  }
}

/** A DNS responder over UDP and TCP on one port. */
export async function startDns(
  handle: NonNullable<Parameters<typeof dns2.createServer>[0]>["handle"],
): Promise<{ resolver: string; close(): Promise<void> }> {
  const answer = handle === undefined ? {} : { handle };
  const udp = dns2.createServer({ udp: true, ...answer });
  udp.on("error", () => undefined);
  const port = await freePortOfBoth();
  await udp.listen({ udp: { port, address: "127.0.0.1" } });
  const tcp = dns2.createServer({ tcp: true, ...answer });
  tcp.on("error", () => undefined);
  await tcp.listen({ tcp: { port, address: "127.0.0.1" } });
  return {
    resolver: `127.0.0.1:${port}`,
    async close() {
      await Promise.all([udp.close(), tcp.close()]);
    },
  };
}
