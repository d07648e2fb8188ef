import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { type Answer, decode, encode, type Packet } from "dns-packet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CallOptions,
  faultOfRun,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import { freePortOfBoth, startZone } from "../../../test/local-servers.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { dns } from "./dns-adapter.ts";

/** A responder that answers byte by byte as a test says; TCP and UDP on one port. */
async function startResponder(
  reply: (question: Packet & { id: number }, transport: "udp" | "tcp") => readonly Uint8Array[],
): Promise<{ resolver: string; queries: Uint8Array[]; close(): Promise<void> }> {
  const queries: Uint8Array[] = [];
  const answer = (message: Buffer, transport: "udp" | "tcp") => {
    queries.push(message);
    return reply(decode(message) as Packet & { id: number }, transport);
  };
  const udp = createSocket("udp4");
  udp.on("message", (message, peer) => {
    for (const bytes of answer(message, "udp")) udp.send(bytes, peer.port, peer.address);
  });
  const port = await freePortOfBoth();
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (chunk: Buffer) => {
      for (const bytes of answer(chunk.subarray(2), "tcp")) {
        const head = Buffer.alloc(2);
        head.writeUInt16BE(bytes.length);
        // In two pieces, as a network may.
        socket.write(Buffer.concat([head, bytes.subarray(0, 5)]));
        setTimeout(() => socket.end(bytes.subarray(5)), 5);
      }
    });
  });
  await new Promise<void>((resolve) => tcp.listen(port, "127.0.0.1", resolve));
  return {
    resolver: `127.0.0.1:${port}`,
    queries,
    close: async () => {
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

function message(question: Packet & { id: number }, answers: Answer[], flags = 0, id = question.id): Buffer {
  return encode({
    type: "response",
    id,
    flags: 0x0180 | flags,
    questions: question.questions ?? [],
    answers,
  });
}

const records: Record<string, Answer[]> = {
  A: [
    { type: "CNAME", name: "www.shop.example", ttl: 60, data: "edge.cdn.example" },
    { type: "A", name: "edge.cdn.example", ttl: 30, data: "192.0.2.10" },
    { type: "A", name: "unrelated.example", ttl: 30, data: "192.0.2.66" },
  ],
  MX: [
    { type: "MX", name: "www.shop.example", ttl: 60, data: { preference: 10, exchange: "mx.shop.example" } },
  ],
  TXT: [{ type: "TXT", name: "www.shop.example", ttl: 60, data: ["v=spf1 ", "-all"] }],
  CAA: [
    { type: "CAA", name: "www.shop.example", ttl: 60, data: { flags: 0, tag: "issue", value: "ca.example" } },
  ],
  SRV: [
    {
      type: "SRV",
      name: "www.shop.example",
      ttl: 60,
      data: { priority: 1, weight: 2, port: 443, target: "a.example" },
    },
  ],
  DS: [
    {
      type: "DS",
      name: "www.shop.example",
      ttl: 60,
      data: { keyTag: 1, algorithm: 13, digestType: 2, digest: Buffer.from("abcd", "hex") },
    },
  ],
  TLSA: [
    {
      type: "TLSA",
      name: "www.shop.example",
      ttl: 60,
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from("ff00", "hex") },
    },
  ],
};

let responder: Awaited<ReturnType<typeof startResponder>>;
let silent: Awaited<ReturnType<typeof startResponder>>;

beforeAll(async () => {
  responder = await startResponder((question, transport) => {
    const asked = question.questions?.[0];
    const name = asked?.name ?? "";
    const type = asked?.type ?? "A";
    if (name === "nowhere.example") return [message(question, [], 3)];
    if (name === "broken.example") return [message(question, [], 2)];
    if (name === "refused.example") return [message(question, [], 5)];
    if (name === "garbage.example")
      return [Buffer.concat([message(question, []).subarray(0, 12), Buffer.alloc(3, 0xff)])];
    if (name === "spoofed.example") {
      const forged: Answer[] = [{ type: "A", name, ttl: 1, data: "203.0.113.66" }];
      const other = {
        ...question,
        questions: [{ type: "A" as const, name: "other.example", class: "IN" as const }],
      };
      const real: Answer[] = [{ type: "A", name, ttl: 1, data: "192.0.2.1" }];
      return [
        message(question, forged, 0, question.id ^ 1),
        message(other, forged),
        Buffer.from("short"),
        message(question, real),
      ];
    }
    if (name === "large.example" && transport === "udp") return [message(question, [], 0x0200)];
    if (name === "large.example")
      return [message(question, [{ type: "TXT", name, ttl: 1, data: "x".repeat(200) }])];
    return [message(question, records[type] ?? [])];
  });
  silent = await startResponder(() => []);
});
afterAll(async () => {
  await Promise.all([responder.close(), silent.close()]);
});

function ask(name: string, types: string[], options: Partial<CallOptions> = {}) {
  const asked = { with: { name, types }, resolvers: [responder.resolver], artifacts: ["responses"] };
  return runAdapter(dns, { ...asked, ...options });
}

describe("dns", () => {
  it("asks each type and follows aliases, and only these", async () => {
    const run = await ask("WWW.shop.example.", Object.keys(records));
    const result = resultOf(run);
    expect(result.resolver).toBe(responder.resolver);
    expect(result.answers).toEqual({
      A: ["192.0.2.10"],
      MX: [{ preference: 10, exchange: "mx.shop.example" }],
      TXT: ["v=spf1 -all"],
      CAA: [{ flags: 0, tag: "issue", value: "ca.example" }],
      SRV: [{ priority: 1, weight: 2, port: 443, target: "a.example" }],
      DS: [{ keyTag: 1, algorithm: 13, digestType: 2, digest: "abcd" }],
      TLSA: [{ usage: 3, selector: 1, matchingType: 1, certificate: "ff00" }],
    });
    expect(result.records).toContainEqual({
      name: "www.shop.example",
      type: "CNAME",
      ttl: 60,
      data: "edge.cdn.example",
    });
    expect(JSON.stringify(result)).not.toContain("192.0.2.66");
    expect((result.status as JsonObject).A).toBe("NOERROR");
  });

  it("keeps every message, framed", async () => {
    const { artifacts } = await ask("large.example", ["TXT"]);
    const bytes = artifacts.get("responses") ?? Buffer.alloc(0);
    const first = bytes.readUInt16BE(0);
    const second = bytes.subarray(2 + first);
    expect(decode(bytes.subarray(2, 2 + first)).flag_tc).toBe(true);
    expect(decode(second.subarray(2)).answers).toHaveLength(1);
    expect(second.readUInt16BE(0)).toBe(second.length - 2);
  });

  it("asks again over TCP when the answer is truncated", async () => {
    const run = await ask("large.example", ["TXT"]);
    expect(resultOf(run).answers).toEqual({ TXT: ["x".repeat(200)] });
    expect(run.network.dialled).toHaveLength(2);
  });

  it("takes NXDOMAIN for a result", async () => {
    expect(resultOf(await ask("nowhere.example", ["A", "AAAA"]))).toMatchObject({
      status: { A: "NXDOMAIN", AAAA: "NXDOMAIN" },
      answers: { A: [], AAAA: [] },
    });
  });

  it.each([
    ["broken.example", "SERVFAIL"],
    ["refused.example", "REFUSED"],
    ["garbage.example", "RESPONSE_MALFORMED"],
  ])("takes %s for the fault %s, with the message as evidence", async (name, code) => {
    const run = await ask(name, ["A"]);
    expect(faultOfRun(run)).toMatchObject({ code, phase: "response" });
    expect(run.artifacts.get("responses")?.length).toBeGreaterThan(12);
  });

  it("does not take messages with another id or question for the answer", async () => {
    expect(resultOf(await ask("spoofed.example", ["A"])).answers).toEqual({ A: ["192.0.2.1"] });
  });

  it("uses a fresh id each time", async () => {
    const before = responder.queries.length;
    for (let i = 0; i < 8; i++) await ask("www.shop.example", ["A"]);
    const ids = responder.queries.slice(before).map((query) => Buffer.from(query).readUInt16BE(0));
    expect(new Set(ids).size).toBeGreaterThan(6);
  });

  it("asks a chosen server only when the contract may contact it", async () => {
    const chosen = { name: "www.shop.example", types: ["A"], resolver: responder.resolver };
    const port = Number(responder.resolver.split(":")[1]);
    const refused = await ask("", [], { with: chosen, resolvers: ["127.0.0.9"] });
    expect(faultOfRun(refused)).toMatchObject({
      code: "EGRESS_REFUSED",
      facts: { reason: "not-an-endpoint" },
    });
    const endpoints = [{ host: "127.0.0.1", port, protocol: "udp" as const }];
    expect(resultOf(await ask("", [], { with: chosen, resolvers: ["127.0.0.9"], endpoints }))).toMatchObject({
      resolver: responder.resolver,
    });
    const outside = await ask("", [], {
      with: chosen,
      resolvers: ["127.0.0.9"],
      endpoints,
      include: ["host:*"],
    });
    expect(faultOfRun(outside)).toMatchObject({ facts: { reason: "loopback" } });
  });

  it("goes on to the next resolver when one is not there", async () => {
    const gone = await startResponder(() => []);
    await gone.close();
    const run = await ask("www.shop.example", ["MX"], { resolvers: [gone.resolver, responder.resolver] });
    expect(resultOf(run).resolver).toBe(responder.resolver);
  });

  it("asks for the pointer of an address", async () => {
    await ask("192.0.2.7", ["PTR"]);
    await ask("2001:db8::7", ["PTR"]);
    const names = responder.queries.slice(-2).map((query) => decode(Buffer.from(query)).questions?.[0]?.name);
    expect(names[0]).toBe("7.2.0.192.in-addr.arpa");
    expect(names[1]).toBe(`7.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`);
    expect(faultOfRun(await ask("192.0.2.7", ["A"])).code).toBe("NAME_MALFORMED");
  });

  it("reads what a DNS server that we did not write sends", async () => {
    const zone = await startZone({ "shop.example": ["192.0.2.1", "2001:db8::1"] });
    const run = await ask("shop.example", ["A", "AAAA"], { resolvers: [zone.resolver] });
    expect(resultOf(run).answers).toEqual({ A: ["192.0.2.1"], AAAA: ["2001:db8::1"] });
    await zone.close();
  });

  const scenario = (at: () => { resolver: string }) => async () => ({
    with: { name: "www.shop.example", types: ["A"] },
    network: testNetwork({ resolvers: [at().resolver] }),
    root: "/",
  });
  for (const { name, run } of adapterCases({
    adapter: dns,
    artifacts: ["responses"],
    openCapture: memoryCapture,
    good: scenario(() => responder),
    silent: scenario(() => silent),
  })) {
    it(name, run);
  }
});
