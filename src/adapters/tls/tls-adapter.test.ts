import { X509Certificate } from "node:crypto";
import { createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CallOptions,
  faultOfRun,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import { type LocalServer, makeCertificate, startTcp, startTls } from "../../../test/local-servers.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { digestOf } from "../../format/digest.ts";
import type { JsonObject } from "../../format/json.ts";
import { tls } from "./tls-adapter.ts";

let server: LocalServer;
let expired: LocalServer;
let silent: LocalServer;
let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate("shop.example");
  server = await startTls(certificate);
  expired = await startTls(await makeCertificate("shop.example", -2));
  silent = await startTcp((socket) => socket.resume());
});
afterAll(async () => {
  await Promise.all([server.close(), expired.close(), silent.close()]);
});

function inspect(at: LocalServer, more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  return runAdapter(tls, {
    with: { host: "127.0.0.1", port: at.port, ...more },
    endpoints: [{ host: "127.0.0.1", port: at.port, protocol: "tcp" }],
    artifacts: ["peer-chain"],
    ...options,
  });
}

describe("tls", () => {
  it("describes the certificate that the peer presents, trusted or not", async () => {
    const leaf = new X509Certificate(certificate.cert);
    const run = await inspect(server, { serverName: "shop.example" });
    const result = resultOf(run);
    expect(result).toMatchObject({
      address: "127.0.0.1",
      port: server.port,
      protocol: "TLSv1.3",
      trusted: false,
      reason: "DEPTH_ZERO_SELF_SIGNED_CERT",
      subject: "CN=shop.example",
      issuer: "CN=shop.example",
      subjectAltNames: ["DNS:shop.example", "IP Address:127.0.0.1"],
      notAfter: leaf.validToDate.toISOString(),
      fingerprint: digestOf(leaf.raw),
      keyType: "rsa",
      keyBits: 2048,
      serialNumber: leaf.serialNumber.toLowerCase(),
    });
    const pem = run.artifacts.get("peer-chain") ?? Buffer.alloc(0);
    expect(new X509Certificate(pem).raw).toEqual(leaf.raw);
    expect(result.chain).toEqual({ length: 1, digest: digestOf(pem) });
  });

  it("trusts what the extra CA vouches for, and checks the name", async () => {
    const extraCa = certificate.cert;
    expect(resultOf(await inspect(server, { serverName: "shop.example" }, { extraCa }))).toMatchObject({
      trusted: true,
      reason: null,
    });
    expect(resultOf(await inspect(server, {}, { extraCa }))).toMatchObject({ trusted: true });
    expect(resultOf(await inspect(server, { serverName: "bank.example" }, { extraCa }))).toMatchObject({
      trusted: false,
      reason: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  it("gives the same chain whether or not the trust store holds it", async () => {
    const chains = [
      resultOf(await inspect(server)),
      resultOf(await inspect(server, {}, { extraCa: certificate.cert })),
    ];
    expect(chains[0]?.chain).toEqual(chains[1]?.chain);
  });

  it("takes an expired certificate for a result", async () => {
    expect(resultOf(await inspect(expired))).toMatchObject({ trusted: false });
  });

  it("asks for old versions only when told", async () => {
    const old = createServer({
      ...certificate,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    old.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    const { port } = old.address() as { port: number };
    const at = { port, accepted: () => 0, open: () => 0, close: async () => undefined };
    expect(faultOfRun(await inspect(at)).phase).toBe("tls");
    expect(resultOf(await inspect(at, { minVersion: "TLSv1" }))).toMatchObject({ protocol: "TLSv1.1" });
    await new Promise((resolve) => old.close(resolve));
  });

  it("says that a peer does not speak TLS", async () => {
    const plain = await startTcp((socket) => socket.end("220 smtp.example\r\n"));
    expect(faultOfRun(await inspect(plain)).phase).toBe("tls");
    await plain.close();
    expect(faultOfRun(await inspect(plain))).toMatchObject({ code: "ECONNREFUSED", phase: "connect" });
  });

  const scenario = (at: () => LocalServer) => async () => ({
    with: { host: "127.0.0.1", port: at().port },
    network: testNetwork({ endpoints: [{ host: "127.0.0.1", port: at().port, protocol: "tcp" }] }),
    root: "/",
    leftovers: () => at().open(),
  });
  for (const { name, run } of adapterCases({
    adapter: tls,
    artifacts: ["peer-chain"],
    openCapture: memoryCapture,
    good: scenario(() => server),
    silent: scenario(() => silent),
  })) {
    it(name, run);
  }
});
