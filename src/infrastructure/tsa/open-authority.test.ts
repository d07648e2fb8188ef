import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../../scripts/need-program.ts";
import {
  type Behaviour,
  type OpensslAuthority,
  startAuthority,
} from "../../../test/fixtures/openssl-authority.ts";
import { certificatesFromPem } from "../../format/pem.ts";
import { verifyTimestamp } from "../../format/verify-timestamp.ts";
import { openAuthority } from "./open-authority.ts";

const missing = needProgram("openssl", "openssl");
const stamped = new Uint8Array(randomBytes(64));
const certificatesIn = (path: string) => certificatesFromPem(readFileSync(path, "utf8"));

describe.skipIf(missing !== undefined)("an authority of OpenSSL", () => {
  let server: OpensslAuthority;
  let other: OpensslAuthority;
  beforeAll(async () => {
    [server, other] = await Promise.all([startAuthority("test"), startAuthority("other")]);
  });
  afterAll(() => Promise.all([server?.remove(), other?.remove()]));

  const ask = (certificates: string | undefined, deadlineMs = 10_000) =>
    openAuthority({
      name: "test",
      url: server.url,
      certificates: certificates === undefined ? undefined : certificatesIn(certificates),
      ca: undefined,
    }).stamp(stamped, deadlineMs);

  it("stamps, and its token chains to its root, to its intermediate, and holds by itself", async () => {
    for (const certificates of [server.root, server.intermediate, undefined]) {
      const answer = await ask(certificates);
      expect(answer).toMatchObject({ ok: true });
      if (!answer.ok) continue;
      expect(Math.abs(answer.notAfter - Date.now())).toBeLessThan(10_000);
      expect(await verifyTimestamp(answer.token, stamped)).toMatchObject({ state: "holds", accuracy: 1000 });
    }
  });

  it("is refused when it is somebody else", async () => {
    expect(await ask(other.root)).toEqual({
      ok: false,
      why: expect.stringContaining("not of the authority"),
      isDown: false,
    });
  });

  it.each<[Behaviour, RegExp, boolean]>([
    ["replays", /another request: the nonce differs/, false],
    ["stamps-other-bytes", /not about the SHA-256/, false],
    ["refuses", /refused, with status 2/, false],
    ["fails", /status 503/, true],
    ["redirects", /status 302/, true],
    ["wrong-type", /no time-stamp reply/, true],
    ["endless", /more than 65536 bytes/, true],
    ["hangs-up", /not reached/, true],
    ["switches-protocol", /status 101/, true],
    ["silent", /no answer within 0.3 s/, true],
  ])("that %s gives no token, and the reason", async (behaviour, why, isDown) => {
    server.behave(behaviour);
    // The first answer of one that replays is for its own request.
    if (behaviour === "replays") await ask(server.root);
    const answer = await ask(server.root, behaviour === "silent" ? 300 : 10_000);
    server.behave("honest");
    expect(answer).toEqual({ ok: false, why: expect.stringMatching(why), isDown });
  });

  it("that is not there is down", async () => {
    await server.stop();
    expect(await ask(server.root)).toMatchObject({
      ok: false,
      isDown: true,
      why: "not reached: ECONNREFUSED",
    });
    await server.start();
    expect(await ask(server.root)).toMatchObject({ ok: true });
  });
});

describe("an authority whose address nobody can ask", () => {
  it.each(["http://tsa.example:99999/", "http://[::1/", "nothing"])("%s is down", async (url) => {
    const authority = openAuthority({ name: "test", url, certificates: undefined, ca: undefined });
    expect(await authority.stamp(stamped, 1000)).toEqual({
      ok: false,
      why: "not reached: ERR_INVALID_URL",
      isDown: true,
    });
  });
});

describe("an authority behind HTTPS", () => {
  it("is asked when its certificate is by an authority that the workspace names, and only then", async () => {
    const attributes = [{ name: "commonName", value: "localhost" }];
    const pems = await generate(attributes, {
      keyType: "ec",
      extensions: [
        { name: "basicConstraints", cA: true },
        { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
      ],
    });
    const server = createServer({ key: pems.private, cert: pems.cert }, (_request, response) => {
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ask = (ca: readonly string[] | undefined) =>
      openAuthority({ name: "test", url: `https://localhost:${port}/`, certificates: undefined, ca }).stamp(
        stamped,
        5000,
      );
    expect(await ask(undefined)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/not reached: .*CERT/),
    });
    expect(await ask([pems.cert])).toMatchObject({ ok: false, why: "it answered with status 404" });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe.skipIf(missing !== undefined)("an authority with another key", () => {
  it.each<[string, string, string]>([
    ["EC", "ec_paramgen_curve:P-256", "sha256"],
    ["EC", "ec_paramgen_curve:P-384", "sha384"],
    ["EC", "ec_paramgen_curve:P-256", "sha512"],
    ["RSA", "rsa_keygen_bits:3072", "sha384"],
    ["RSA", "rsa_keygen_bits:2048", "sha512"],
  ])("%s %s with %s stamps", async (family, option, digest) => {
    const server = await startAuthority("test", { key: [family, option], digest });
    try {
      const certificates = certificatesIn(server.root);
      const authority = openAuthority({ name: "test", url: server.url, certificates, ca: undefined });
      expect(await authority.stamp(stamped, 10_000)).toMatchObject({ ok: true });
    } finally {
      await server.remove();
    }
  });
});
