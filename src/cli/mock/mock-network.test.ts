import { request } from "node:http";
import { expect, it } from "vitest";
import { mockNetwork } from "./mock-network.ts";

const rules = {
  endpoints: [{ host: "service.example", port: 443, protocol: "tcp" as const }],
  include: ["host:service.example"],
  exclude: [],
};
const signal = AbortSignal.timeout(5000);

it("hands a connection to the mock, and opens no socket", async () => {
  const network = mockNetwork(rules, {
    listener: (_request, response) => response.writeHead(201).end("hello"),
  });
  const before = process.getActiveResourcesInfo().filter((name) => /TCP|Socket|GetAddrInfo/.test(name));
  const { stream, address } = await network.connectTls({ host: "service.example", port: 443, signal });
  const status = await new Promise((resolve, reject) => {
    const client = request({ createConnection: () => stream, path: "/" }, (message) => {
      message.resume();
      resolve(message.statusCode);
    });
    client.on("error", reject).end();
  });
  expect([status, address, network.dialled]).toEqual([201, "192.0.2.1", ["192.0.2.1:443"]]);
  const after = process.getActiveResourcesInfo().filter((name) => /TCP|Socket|GetAddrInfo/.test(name));
  expect(after).toEqual(before);
  network.close();
  expect(stream.destroyed).toBe(true);
});

it("decides targets as the guard does", async () => {
  const network = mockNetwork(rules, { listener: () => expect.fail("the mock was reached") });
  for (const target of [
    { host: "other.example", port: 443 },
    { host: "service.example", port: 80 },
    { host: "127.0.0.1", port: 443 },
  ])
    await expect(network.connect({ ...target, signal })).rejects.toMatchObject({
      code: "EGRESS_REFUSED",
      reason: "not-an-endpoint",
    });
  const fenced = mockNetwork(
    { ...rules, exclude: ["host:service.example"] },
    { code: "X", phase: "connect" },
  );
  await expect(fenced.connect({ host: "service.example", port: 443, signal })).rejects.toMatchObject({
    reason: "excluded",
  });
  const datagram = {
    host: "service.example",
    port: 443,
    signal,
    payload: new Uint8Array(),
    accepts: () => true,
  };
  await expect(network.exchangeDatagram(datagram)).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
});

it("lets no connection come about where the case says so", async () => {
  const network = mockNetwork(rules, { code: "ENOTFOUND", phase: "resolve" });
  await expect(network.connect({ host: "service.example", port: 443, signal })).rejects.toMatchObject({
    code: "ENOTFOUND",
    phase: "resolve",
  });
  expect(network.dialled).toEqual([]);
});
