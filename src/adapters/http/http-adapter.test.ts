import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CallOptions,
  faultOfRun,
  LOOPBACK,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import {
  type LocalServer,
  makeCertificate,
  startHttp,
  startHttps,
  startTcp,
  startZone,
} from "../../../test/local-servers.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { retryAfterMillis } from "../../adapter/http/retry-after.ts";
import type { JsonObject } from "../../format/json.ts";
import { http } from "./http-adapter.ts";

const BOMB = gzipSync(Buffer.alloc(50 << 20));
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe, 0x00]);

let server: LocalServer;
let other: LocalServer;
let secure: LocalServer;
let liar: LocalServer;
let silent: LocalServer;
let babbler: LocalServer;
let zone: Awaited<ReturnType<typeof startZone>>;
let certificate: { key: string; cert: string };

/** Answers of the test server by path; the request is told back by default. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://server.example");
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const redirect = (location: string, status = 302) => response.writeHead(status, { location }).end();
    switch (url.pathname) {
      case "/gzip":
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync('{"packed":true}'));
        return;
      case "/bomb":
        response.writeHead(200, { "content-encoding": "gzip" }).end(BOMB);
        return;
      case "/bytes":
        response.writeHead(200, { "content-type": "image/png" }).end(PNG);
        return;
      case "/broken-gzip":
        response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip at all");
        return;
      case "/odd-json":
        response.end('{"n":1e999,"s":"\\ud800"}');
        return;
      case "/status":
        response.writeHead(Number(url.searchParams.get("is")), { "retry-after": "7" }).end("sorry");
        return;
      case "/loop":
        redirect("/loop");
        return;
      case "/chain":
        redirect(`/chain?n=${Number(url.searchParams.get("n") ?? 0) + 1}`);
        return;
      case "/to":
        redirect(url.searchParams.get("url") ?? "", Number(url.searchParams.get("status") ?? 302));
        return;
      case "/cookies":
        response.writeHead(200, { "set-cookie": ["a=1", "b=2"] }).end();
        return;
      default:
        response.setHeader("content-type", "application/json");
        response.end(
          JSON.stringify({
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
    }
  });
}

beforeAll(async () => {
  certificate = await makeCertificate("shop.example");
  server = await startHttp(answer);
  other = await startHttp(answer);
  secure = await startHttps(certificate, answer);
  silent = await startTcp((socket) => socket.resume());
  liar = await startTcp((socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"));
  });
  babbler = await startTcp((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65536, "x")));
      };
      socket.on("drain", more);
      more();
    });
  });
  zone = await startZone({
    "shop.example": ["127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "inside.example": ["10.0.0.5"],
  });
});
afterAll(async () => {
  await Promise.all([server, other, secure, silent, liar, babbler, zone].map((one) => one.close()));
});

function get(
  path: string,
  more: JsonObject = {},
  options: Partial<CallOptions> = {},
  at: LocalServer = server,
) {
  return runAdapter(http, {
    with: { url: `http://127.0.0.1:${at.port}${path}`, ...more },
    endpoints: [{ host: "127.0.0.1", port: at.port, protocol: "tcp" }],
    resolvers: [zone.resolver],
    artifacts: ["request", "response-head", "response-body"],
    ...options,
  });
}

const jsonOf = (result: JsonObject) => (result.body as JsonObject).json as JsonObject;

describe("http", () => {
  it("sends a request and captures both sides", async () => {
    const run = await get("/echo", {
      query: { q: "a b", n: [1, 2], none: null },
      headers: { "X-Trace": "t1" },
    });
    const result = resultOf(run);
    expect(result).toMatchObject({
      status: 200,
      statusText: "OK",
      address: "127.0.0.1",
      tls: null,
      redirects: [],
    });
    expect(jsonOf(result)).toMatchObject({ method: "GET", url: "/echo?q=a+b&n=1&n=2" });
    expect(jsonOf(result).headers).toMatchObject({ "x-trace": "t1", host: `127.0.0.1:${server.port}` });
    const request = JSON.parse(String(run.artifacts.get("request")));
    expect(request).toMatchObject({ method: "GET", headers: { "x-trace": "t1" }, bodySize: 0 });
    const head = JSON.parse(String(run.artifacts.get("response-head")));
    expect(head).toMatchObject({ status: 200, address: "127.0.0.1" });
    expect(JSON.parse(String(run.artifacts.get("response-body")))).toEqual(jsonOf(result));
  });

  it.each([
    [{ json: { b: 1, a: 2 } }, "application/json", '{"a":2,"b":1}'],
    [{ form: { a: "x y", b: 1 } }, "application/x-www-form-urlencoded", "a=x+y&b=1"],
    [{ body: "raw", headers: { "content-type": "text/plain" } }, "text/plain", "raw"],
  ])("sends a body %j", async (more, type, body) => {
    const result = resultOf(await get("/echo", { method: "POST", ...more }));
    expect(jsonOf(result)).toMatchObject({ method: "POST", body, headers: { "content-type": type } });
  });

  it.each([
    [{ json: 1, body: "x" }, "BODY_AMBIGUOUS"],
    [{ headers: { Host: "evil.example" } }, "HEADER_REFUSED"],
    [{ headers: { "x-a": "1\r\nx-b: 2" } }, "HEADER_REFUSED"],
    [{ headers: { "transfer-encoding": "chunked" } }, "HEADER_REFUSED"],
    [{ url: "ftp://127.0.0.1/" }, "URL_MALFORMED"],
    [{ url: "http://user:pw@127.0.0.1/" }, "URL_MALFORMED"],
    [{ url: "/relative" }, "URL_MALFORMED"],
  ])("does not send %j", async (more, code) => {
    const before = server.accepted();
    expect(faultOfRun(await get("/echo", more))).toMatchObject({ code, phase: "request" });
    expect(server.accepted()).toBe(before);
  });

  it("puts secrets on the wire and nowhere else", async () => {
    const secrets = [
      {
        name: "token",
        value: "s3cr3t-token",
        into: { kind: "header", name: "Authorization", scheme: "bearer" },
      },
      { name: "key", value: "s3cr3t-key", into: { kind: "query", name: "k" } },
    ] as const;
    const run = await get("/echo", {}, { secrets });
    const result = resultOf(run);
    expect(jsonOf(result)).toMatchObject({
      url: "/echo?k=s3cr3t-key",
      headers: { authorization: "Bearer s3cr3t-token" },
    });
    expect(result.url).not.toContain("s3cr3t");
    const request = String(run.artifacts.get("request"));
    expect(request).not.toContain("s3cr3t");
    expect(request).toContain("<secret token>");
    const basic = {
      name: "b",
      value: "u:p",
      into: { kind: "header", name: "authorization", scheme: "basic" },
    } as const;
    expect(jsonOf(resultOf(await get("/echo", {}, { secrets: [basic] }))).headers).toMatchObject({
      authorization: "Basic dTpw",
    });
  });

  it("follows redirects within its bound and records them", async () => {
    const to = `/to?url=${encodeURIComponent("/echo?x=1")}`;
    expect(resultOf(await get(to))).toMatchObject({ status: 302 });
    const run = await get(to, { followRedirects: 1, method: "POST", body: "b" });
    const url = `http://127.0.0.1:${server.port}/echo?x=1`;
    expect(resultOf(run)).toMatchObject({ status: 200, url, redirects: [{ status: 302, url }] });
    expect(jsonOf(resultOf(run))).toMatchObject({ method: "GET", body: "" });
    expect(JSON.parse(String(run.artifacts.get("response-head"))).redirects).toHaveLength(1);
    const kept = await get(`${to}&status=307`, { followRedirects: 1, method: "POST", body: "b" });
    expect(jsonOf(resultOf(kept))).toMatchObject({ method: "POST", body: "b" });
  });

  it("stops redirects that loop, do not end, or lead nowhere", async () => {
    expect(faultOfRun(await get("/loop", { followRedirects: 5 })).code).toBe("REDIRECT_LOOP");
    expect(faultOfRun(await get("/chain", { followRedirects: 3 })).code).toBe("REDIRECT_LIMIT");
    expect(faultOfRun(await get("/to?url=mailto:a@b.example", { followRedirects: 3 })).code).toBe(
      "REDIRECT_MALFORMED",
    );
  });

  it.each([
    ["http://other.example/", "redirect-outside-scope"],
    ["http://metadata.example/latest/", "metadata"],
    ["http://169.254.169.254/latest/", "redirect-outside-scope"],
    ["http://inside.example/", "private"],
    // The URL standard reads the number as 192.168.0.1.
    ["http://3232235521/", "redirect-outside-scope"],
  ])("decides a redirect to %s again", async (url, reason) => {
    const include = ["cidr:127.0.0.1/32", "host:metadata.example", "host:inside.example"];
    const run = await get(`/to?url=${encodeURIComponent(url)}`, { followRedirects: 3 }, { include });
    expect(faultOfRun(run)).toMatchObject({ code: "EGRESS_REFUSED", facts: { reason } });
    expect(run.network.dialled).toHaveLength(1);
    expect(run.artifacts.get("response-head")?.toString()).toContain("302");
  });

  it("takes no secrets to another origin", async () => {
    const url = `http://127.0.0.1:${other.port}/echo`;
    const secret = {
      name: "t",
      value: "s3cr3t-token",
      into: { kind: "header", name: "authorization" },
    } as const;
    const run = await get(
      `/to?url=${encodeURIComponent(url)}`,
      { followRedirects: 1, headers: { cookie: "session=1", "x-keep": "1" } },
      { secrets: [secret] },
    );
    const { headers } = jsonOf(resultOf(run)) as { headers: JsonObject };
    expect(headers).not.toHaveProperty("authorization");
    expect(headers).not.toHaveProperty("cookie");
    expect(headers).toHaveProperty("x-keep");
  });

  it("turns refusing statuses into faults, with Retry-After, and keeps the body", async () => {
    const run = await get("/status?is=429");
    expect(faultOfRun(run)).toMatchObject({
      code: "HTTP_STATUS",
      facts: { status: 429, retryAfterMs: 7000 },
    });
    expect(run.artifacts.get("response-body")?.toString()).toBe("sorry");
    expect(resultOf(await get("/status?is=404", { expectStatus: [404] }))).toMatchObject({ status: 404 });
  });

  it("keeps bodies as sent, and decodes within bounds", async () => {
    const packed = await get("/gzip");
    expect(resultOf(packed).body).toMatchObject({ encoding: "gzip", json: { packed: true } });
    expect(packed.artifacts.get("response-body")).toEqual(gzipSync('{"packed":true}'));
    const before = process.memoryUsage.rss();
    expect(resultOf(await get("/bomb")).body).toEqual({
      size: BOMB.length,
      encoding: "gzip",
      textOmitted: "too-large",
    });
    expect(process.memoryUsage.rss() - before).toBeLessThan(40 << 20);
    const bytes = await get("/bytes");
    expect(resultOf(bytes).body).toEqual({ size: PNG.length, encoding: "identity", textOmitted: "not-utf8" });
    expect(bytes.artifacts.get("response-body")).toEqual(PNG);
    expect(resultOf(await get("/broken-gzip")).body).toMatchObject({ textOmitted: "undecodable" });
    expect(resultOf(await get("/odd-json")).body).not.toHaveProperty("json");
  });

  it("joins repeated headers", async () => {
    expect(resultOf(await get("/cookies")).headers).toMatchObject({ "set-cookie": "a=1, b=2" });
  });

  it("notices a body that is shorter than it says", async () => {
    expect(faultOfRun(await get("/", {}, {}, liar))).toMatchObject({ code: "ECONNRESET", phase: "response" });
  });

  it("ends at once when the server wants to speak another protocol", async () => {
    const switching = await startTcp((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
      );
    });
    const fault = faultOfRun(await get("/", {}, {}, switching));
    expect(fault).toMatchObject({ code: "HPE_INVALID_STATUS", phase: "response" });
    await switching.close();
  });

  it("sends no secret over plain http to another machine", async () => {
    const secret = { name: "k", value: "s3cr3t", into: { kind: "header", name: "x-k" } } as const;
    const options = {
      endpoints: [{ host: "192.0.2.1", port: 80, protocol: "tcp" }],
      include: ["cidr:192.0.2.0/24"],
      secrets: [secret],
    } as const;
    const run = await runAdapter(http, { with: { url: "http://192.0.2.1/" }, ...options });
    expect(faultOfRun(run)).toMatchObject({ code: "CLEARTEXT_REFUSED", phase: "connect" });
    expect(run.network.dialled).toHaveLength(0);
  });

  it("notices what is no HTTP", async () => {
    const noise = await startTcp((socket) => socket.end("220 smtp.example ready\r\n"));
    const fault = faultOfRun(await get("/", {}, {}, noise));
    expect(fault.code).toMatch(/^HPE_/);
    await noise.close();
  });

  it("records an untrusted peer, and sends it neither body nor secret", async () => {
    const at = { endpoints: [{ host: "shop.example", port: secure.port, protocol: "tcp" as const }] };
    const url = `https://shop.example:${secure.port}/echo`;
    const before = resultOf(await get("", { url }, at));
    expect(before.tls).toMatchObject({ trusted: false, reason: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    expect(faultOfRun(await get("", { url, method: "POST", body: "x" }, at)).phase).toBe("tls");
    const secrets = [
      { name: "t", value: "s3cr3t-token", into: { kind: "header", name: "authorization" } },
    ] as const;
    expect(faultOfRun(await get("", { url, requireTrusted: false }, { ...at, secrets })).phase).toBe("tls");
    const trusted = resultOf(await get("", { url }, { ...at, secrets, extraCa: certificate.cert }));
    expect(trusted.tls).toMatchObject({ trusted: true, reason: null, protocol: "TLSv1.3" });
    expect(String((trusted.tls as JsonObject).peerCertificateDigest)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(jsonOf(trusted).headers).toMatchObject({ host: `shop.example:${secure.port}` });
  });

  it("ignores proxy variables", async () => {
    process.env.HTTP_PROXY = "http://127.0.0.1:1";
    process.env.NODE_USE_ENV_PROXY = "1";
    try {
      expect(resultOf(await get("/echo"))).toMatchObject({ status: 200 });
    } finally {
      delete process.env.HTTP_PROXY;
      delete process.env.NODE_USE_ENV_PROXY;
    }
  });

  const scenario = (at: () => LocalServer) => async () => ({
    with: { url: `http://127.0.0.1:${at().port}/` },
    network: testNetwork({
      endpoints: [{ host: "127.0.0.1", port: at().port, protocol: "tcp" }],
      include: LOOPBACK,
    }),
    root: "/",
    leftovers: () => at().open(),
  });
  for (const { name, run } of adapterCases({
    adapter: http,
    artifacts: ["request", "response-head", "response-body"],
    openCapture: memoryCapture,
    good: async () => ({
      ...(await scenario(() => server)()),
      with: { url: `http://127.0.0.1:${server.port}/cookies` },
    }),
    silent: scenario(() => silent),
    endless: scenario(() => babbler),
    secretInto: { kind: "query", name: "key" },
  })) {
    it(name, run);
  }
});

describe("retryAfterMillis", () => {
  it.each([
    ["120", 120_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", 60_000],
    ["Wed, 21 Oct 2025 07:28:00 GMT", 0],
    ["soon", undefined],
    ["-1", undefined],
    ["1e9", undefined],
    [undefined, undefined],
  ])("reads %s", (value, millis) => {
    expect(retryAfterMillis(value, Date.parse("2026-10-21T07:27:00Z"))).toBe(millis);
  });
});
