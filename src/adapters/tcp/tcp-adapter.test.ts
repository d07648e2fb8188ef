import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultOfRun, memoryCapture, resultOf, runAdapter, testNetwork } from "../../../test/adapter-call.ts";
import { type LocalServer, startTcp, startZone } from "../../../test/local-servers.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { tcp } from "./tcp-adapter.ts";

let greeter: LocalServer;
let babbler: LocalServer;
let mute: LocalServer;
let closed: number;

beforeAll(async () => {
  greeter = await startTcp((socket) => socket.write("220 smtp.example ready\r\n"));
  babbler = await startTcp((socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(4096, 0xff)));
    };
    socket.on("drain", more);
    more();
  });
  mute = await startTcp((socket) => socket.resume());
  const gone = await startTcp(() => undefined);
  await gone.close();
  closed = gone.port;
});
afterAll(async () => {
  await Promise.all([greeter.close(), babbler.close(), mute.close()]);
});

const endpoints = [{ host: "127.0.0.1", protocol: "tcp" as const }];

function probe(ports: number[], more: JsonObject = {}) {
  const asked = { host: "127.0.0.1", ports, connectTimeoutMs: 200, ...more };
  return runAdapter(tcp, { with: asked, endpoints, artifacts: ["probe-log"] });
}

describe("tcp", () => {
  it("tells open from closed ports, and logs each", async () => {
    const run = await probe([mute.port, closed]);
    expect(resultOf(run)).toEqual({
      address: "127.0.0.1",
      ports: [
        { port: mute.port, state: "open" },
        { port: closed, state: "closed" },
      ].sort((a, b) => a.port - b.port),
    });
    const lines = String(run.artifacts.get("probe-log")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).port).sort()).toEqual([mute.port, closed].sort());
  });

  it("reads a bounded banner, of any bytes", async () => {
    const result = resultOf(await probe([greeter.port, babbler.port, mute.port], { banner: true }));
    const ports = result.ports as { port: number; banner?: string }[];
    const bannerOf = (at: LocalServer) => ports.find(({ port }) => port === at.port)?.banner;
    expect(bannerOf(greeter)).toBe("220 smtp.example ready\r\n");
    expect(bannerOf(babbler)).toBe("\u00ff".repeat(256));
    expect(bannerOf(mute)).toBeUndefined();
  });

  it("probes many ports with bounded concurrency", async () => {
    let most = 0;
    const counter = await startTcp((socket) => {
      most = Math.max(most, counter.open());
      socket.resume();
    });
    const many = [counter.port, ...Array.from({ length: 300 }, (_, i) => 20_000 + i)];
    const result = resultOf(await probe(many));
    expect(result.ports).toHaveLength(301);
    expect(most).toBeLessThanOrEqual(16);
    await counter.close();
  });

  it("sends nothing where it may not", async () => {
    const before = greeter.accepted();
    const run = await runAdapter(tcp, {
      with: { host: "127.0.0.1", ports: [greeter.port] },
      endpoints,
      include: ["host:shop.example"],
      artifacts: ["probe-log"],
    });
    expect(faultOfRun(run)).toMatchObject({ code: "EGRESS_REFUSED", facts: { reason: "loopback" } });
    expect(greeter.accepted()).toBe(before);
    expect(run.network.dialled).toEqual([]);
  });

  it("says that a name does not resolve", async () => {
    const zone = await startZone({});
    const run = await runAdapter(tcp, {
      with: { host: "nowhere.example", ports: [80] },
      endpoints: [{ host: "nowhere.example", protocol: "tcp" }],
      resolvers: [zone.resolver],
    });
    expect(faultOfRun(run)).toMatchObject({ code: "ENOTFOUND", phase: "resolve" });
    await zone.close();
  });

  const scenario = (more: JsonObject) => async () => ({
    with: { host: "127.0.0.1", ports: [mute.port], ...more },
    network: testNetwork({ endpoints }),
    root: "/",
    leftovers: () => mute.open(),
  });
  for (const { name, run } of adapterCases({
    adapter: tcp,
    artifacts: ["probe-log"],
    openCapture: memoryCapture,
    good: scenario({}),
    silent: scenario({ banner: true, connectTimeoutMs: 20_000 }),
  })) {
    it(name, run);
  }
});
