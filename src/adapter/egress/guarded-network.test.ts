import { once } from "node:events";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { testNetwork } from "../../../test/adapter-call.ts";
import {
  type LocalServer,
  makeCertificate,
  startTcp,
  startTls,
  startZone,
} from "../../../test/local-servers.ts";
import { EgressRefused, type NetworkSession } from "../network.ts";

let silent: LocalServer;
let secure: LocalServer;
let zone: Awaited<ReturnType<typeof startZone>>;
let certificate: { key: string; cert: string };
const networks: NetworkSession[] = [];

beforeAll(async () => {
  certificate = await makeCertificate("shop.example");
  silent = await startTcp(() => undefined);
  secure = await startTls(certificate);
  zone = await startZone({
    "shop.example": ["127.0.0.1"],
    "mixed.example": ["127.0.0.1", "169.254.169.254"],
    "metadata.example": ["169.254.169.254"],
    "compatible.example": ["::127.0.0.1"],
  });
});
afterAll(async () => {
  await Promise.all([silent.close(), secure.close(), zone.close()]);
});
afterEach(() => {
  for (const network of networks.splice(0)) network.close();
});

function network(options: Parameters<typeof testNetwork>[0]): NetworkSession {
  const opened = testNetwork({ resolvers: [zone.resolver], ...options });
  networks.push(opened);
  return opened;
}

function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "connected",
    (error: unknown) => {
      if (error instanceof EgressRefused) return error.reason;
      throw error;
    },
  );
}

const signal = () => AbortSignal.timeout(1000);

describe("openNetwork", () => {
  it("resolves a name with the given resolver and dials the checked address", async () => {
    const { port } = silent;
    const guarded = network({ endpoints: [{ host: "shop.example", port, protocol: "tcp" }] });
    const connection = await guarded.connect({ host: "SHOP.example.", port, signal: signal() });
    expect(connection.address).toBe("127.0.0.1");
    expect(guarded.dialled).toEqual([`127.0.0.1:${port}`]);
  });

  it.each([
    ["metadata.example", "metadata"],
    ["mixed.example", "metadata"],
  ])("refuses %s, and nothing is dialled", async (host, reason) => {
    const { port } = silent;
    const before = silent.accepted();
    const guarded = network({ endpoints: [{ host, port, protocol: "tcp" }] });
    expect(await refusal(guarded.connect({ host, port, signal: signal() }))).toBe(reason);
    expect(guarded.dialled).toEqual([]);
    expect(silent.accepted()).toBe(before);
  });

  it("refuses a name on loopback that only a host pattern covers", async () => {
    const { port } = silent;
    const guarded = network({
      endpoints: [{ host: "shop.example", port, protocol: "tcp" }],
      include: ["host:shop.example"],
    });
    expect(await refusal(guarded.connect({ host: "shop.example", port, signal: signal() }))).toBe("loopback");
  });

  it("does not read an IPv4-compatible address as IPv4", async () => {
    const { port } = silent;
    const guarded = network({
      endpoints: [{ host: "compatible.example", port, protocol: "tcp" }],
      include: ["host:compatible.example"],
    });
    expect(await refusal(guarded.connect({ host: "compatible.example", port, signal: signal() }))).toBe(
      "reserved",
    );
  });

  it("refuses what is no endpoint, excluded or malformed before resolving", async () => {
    const { port } = silent;
    const endpoints = [{ host: "127.0.0.1", port, protocol: "tcp" as const }];
    const guarded = network({ endpoints, exclude: ["host:*.bad.example"] });
    const to = (host: string, at = port) => refusal(guarded.connect({ host, port: at, signal: signal() }));
    expect(await to("other.example")).toBe("not-an-endpoint");
    expect(await to("127.0.0.1", port === 1 ? 2 : port - 1)).toBe("not-an-endpoint");
    expect(await to("x.bad.example")).toBe("excluded");
    expect(await to("2130706433")).toBe("host-malformed");
    expect(await to("0x7f.1")).toBe("host-malformed");
    expect(await to("")).toBe("host-malformed");
    expect(await to("127.0.0.1", 0)).toBe("port-malformed");
    const datagram = guarded.exchangeDatagram({
      host: "127.0.0.1",
      port,
      signal: signal(),
      payload: new Uint8Array(1),
      accepts: () => true,
    });
    expect(await refusal(datagram)).toBe("not-an-endpoint");
    expect(guarded.dialled).toEqual([]);
  });

  it("decides a redirect by the scope, exclusions first", async () => {
    const { port } = silent;
    const guarded = network({
      include: ["host:shop.example", "cidr:127.0.0.0/8"],
      exclude: ["url:http://127.0.0.1/x"],
    });
    const go = (redirect: string, host: string) =>
      refusal(guarded.connect({ host, port, redirect, signal: signal() }));
    expect(await go(`http://shop.example:${port}/a`, "shop.example")).toBe("connected");
    expect(await go(`http://other.example:${port}/a`, "other.example")).toBe("redirect-outside-scope");
    expect(await refusal(guarded.connect({ host: "shop.example", port, signal: signal() }))).toBe(
      "not-an-endpoint",
    );
  });

  it("lets only name servers through as name servers", async () => {
    const { port } = silent;
    const guarded = network({});
    const to = { host: "127.0.0.1", port, nameServer: true, signal: signal() };
    expect(guarded.nameServers).toEqual([zone.resolver]);
    expect(await refusal(guarded.connect(to))).toBe("not-an-endpoint");
  });

  it("bounds connections", async () => {
    const { port } = silent;
    const guarded = network({ endpoints: [{ host: "127.0.0.1", protocol: "tcp" }], maxConnections: 2 });
    const go = () => refusal(guarded.connect({ host: "127.0.0.1", port, signal: signal() }));
    expect([await go(), await go(), await go()]).toEqual(["connected", "connected", "too-many-connections"]);
  });

  it("destroys what is open when it is closed, and dials no more", async () => {
    const { port } = silent;
    const guarded = network({ endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }] });
    const { stream } = await guarded.connect({ host: "127.0.0.1", port, signal: signal() });
    guarded.close();
    expect(stream.destroyed).toBe(true);
    expect(await refusal(guarded.connect({ host: "127.0.0.1", port, signal: signal() }))).toBe(
      "attempt-over",
    );
  });

  it("refuses everything when the scope cannot be read", async () => {
    const { port } = silent;
    const guarded = network({
      endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
      exclude: ["cidr:nonsense"],
    });
    await expect(guarded.connect({ host: "127.0.0.1", port, signal: signal() })).rejects.toThrow(
      "scope pattern",
    );
  });

  it("says what failed: resolution, connection, handshake, deadline", async () => {
    const { port } = silent;
    const free = await startTcp(() => undefined);
    await free.close();
    const guarded = network({
      endpoints: [
        { host: "nowhere.example", protocol: "tcp" },
        { host: "127.0.0.1", protocol: "tcp" },
      ],
    });
    await expect(guarded.connect({ host: "nowhere.example", port, signal: signal() })).rejects.toMatchObject({
      code: "ENOTFOUND",
      phase: "resolve",
    });
    await expect(
      guarded.connect({ host: "127.0.0.1", port: free.port, signal: signal() }),
    ).rejects.toMatchObject({
      code: "ECONNREFUSED",
      phase: "connect",
    });
    await expect(
      guarded.connectTls({ host: "127.0.0.1", port, signal: AbortSignal.timeout(100) }),
    ).rejects.toMatchObject({ code: "ETIMEDOUT", phase: "tls" });
    expect(guarded.dialled).toHaveLength(2);
  });

  it("keeps the server's name, and trusts the extra CA only when given", async () => {
    const { port } = secure;
    const endpoints = [{ host: "shop.example", port, protocol: "tcp" as const }];
    const target = { host: "shop.example", port, signal: signal() };
    const plain = network({ endpoints });
    await expect(plain.connectTls(target)).rejects.toMatchObject({ phase: "tls" });
    const seen = await plain.connectTls({ ...target, requireTrusted: false });
    expect(seen).toMatchObject({ trusted: false, reason: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    expect(seen.chain).toHaveLength(1);
    const trusting = network({ endpoints, extraCa: certificate.cert });
    expect(await trusting.connectTls(target)).toMatchObject({ trusted: true, address: "127.0.0.1" });
    const wrong = await trusting.connectTls({
      ...target,
      serverName: "other.example",
      requireTrusted: false,
    });
    expect(wrong).toMatchObject({ trusted: false, reason: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("secures a connection of its own, and nothing that came in clear text before", async () => {
    const { port } = secure;
    const chatty = await startTcp((socket) => void socket.write("ahead of its time"));
    const endpoints = [port, chatty.port].map((one) => ({
      host: "shop.example",
      port: one,
      protocol: "tcp" as const,
    }));
    const target = { host: "shop.example", port, signal: signal() };
    const trusting = network({ endpoints, extraCa: certificate.cert });
    const connection = await trusting.connect(target);
    expect(await trusting.upgradeTls(connection, target)).toMatchObject({ trusted: true });
    await expect(trusting.upgradeTls(connection, target)).rejects.toMatchObject({
      reason: "not-a-connection",
    });
    const strange = { stream: new PassThrough(), address: "127.0.0.1", port };
    await expect(trusting.upgradeTls(strange, target)).rejects.toMatchObject({ reason: "not-a-connection" });
    const untrusting = network({ endpoints });
    await expect(untrusting.upgradeTls(await untrusting.connect(target), target)).rejects.toMatchObject({
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    });
    const early = await trusting.connect({ ...target, port: chatty.port });
    await once(early.stream, "readable");
    await expect(trusting.upgradeTls(early, target)).rejects.toMatchObject({ code: "STARTTLS_INJECTED" });
    await chatty.close();
  });
});
