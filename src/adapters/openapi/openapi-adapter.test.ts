import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { petstore, petstoreYaml } from "../../../test/fixtures/petstore.ts";
import { type LocalServer, startHttp, startTcp } from "../../../test/local-servers.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { describeOperations, selectOperations } from "../../contract/openapi/describe-operations.ts";
import { readDescription } from "../../contract/openapi/read-description.ts";
import { sliceOperation } from "../../contract/openapi/slice-operation.ts";
import { hexOf } from "../../format/digest.ts";
import type { Json, JsonObject } from "../../format/json.ts";
import { openapi } from "./openapi-adapter.ts";

const root = mkdtempSync(join(tmpdir(), "witnessops-openapi-"));
const description = describeOperations(readDescription(petstoreYaml));
const digests = new Map<string, string>();
let server: LocalServer;
/** Answers without telling back what it was sent. */
let quiet: LocalServer;
let silent: LocalServer;
let babbler: LocalServer;

beforeAll(async () => {
  mkdirSync(join(root, "operations"));
  for (const listed of selectOperations(description, [])) {
    const { bytes, digest } = sliceOperation(description, listed);
    writeFileSync(join(root, "operations", `${hexOf(digest)}.json`), bytes);
    digests.set(listed.operationId ?? "", digest);
  }
  server = await startHttp(petstore);
  quiet = await startHttp((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"id":"p1","name":"Rex"}');
  });
  silent = await startTcp((socket) => socket.resume());
  babbler = await startTcp((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65536, " ")));
      };
      socket.on("drain", more);
      more();
    });
  });
});
afterAll(async () => {
  rmSync(root, { recursive: true });
  await Promise.all([server, quiet, silent, babbler].map((one) => one.close()));
});

const ARTIFACTS = ["operation", "request", "response-head", "response-body"];
const withOf = (operation: string, more: JsonObject = {}, at: LocalServer = server): JsonObject => ({
  operation: digests.get(operation) ?? "",
  server: `http://127.0.0.1:${at.port}/v1/`,
  ...more,
});

function call(operation: string, more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  return runAdapter(openapi, {
    with: withOf(operation, more),
    endpoints: [{ host: "127.0.0.1", port: server.port, protocol: "tcp" }],
    artifacts: ARTIFACTS,
    root,
    ...options,
  });
}

/** What the server says that it was sent. */
function told(result: JsonObject): JsonObject {
  return JSON.parse(String((result.headers as JsonObject)["x-told"])) as JsonObject;
}

async function refusedUnsent(
  operation: string,
  more: JsonObject,
  message: RegExp,
  options: Partial<CallOptions> = {},
) {
  const before = server.accepted();
  const fault = faultOfRun(await call(operation, more, options));
  expect(fault).toMatchObject({ code: "PARAMETERS_INVALID", phase: "prepare" });
  expect(fault.message).toMatch(message);
  expect(server.accepted()).toBe(before);
}

describe("openapi", () => {
  it("calls an operation and captures the pinned operation with both sides", async () => {
    const run = await call("getPet", { path: { petId: "p1" } });
    expect(resultOf(run)).toMatchObject({
      operation: digests.get("getPet"),
      status: 200,
      response: "200",
      mediaType: "application/json",
      body: { id: "p1", name: "Pet 1", parent: { id: "p0" } },
    });
    expect(told(resultOf(run))).toMatchObject({
      method: "GET",
      url: "/v1/pets/p1",
      accept: "application/json",
    });
    expect(JSON.parse(String(run.artifacts.get("operation")))).toMatchObject({
      api: "Petstore",
      path: "/pets/{petId}",
    });
    expect(JSON.parse(String(run.artifacts.get("response-body")))).toMatchObject({ id: "p1" });
    expect(JSON.parse(String(run.artifacts.get("response-head")))).toMatchObject({ status: 200, pages: [] });
  });

  it("writes parameters in their styles", async () => {
    const run = await call("listPets", {
      query: {
        tags: ["a b", "c&d=e"],
        ids: [1, 2],
        filter: { kind: "x/y" },
        fields: ["id", "na,me"],
        where: "a:b/c?d#e&f=g+h",
        query: { a: 1 },
        page: null,
      },
      header: { "X-Trace": "t-1" },
      cookie: { theme: "dark; x=y" },
    });
    const sent = told(resultOf(run));
    expect(sent).toMatchObject({ trace: "t-1", cookie: "theme=dark%3B%20x%3Dy" });
    expect(String(sent.url).slice("/v1/pets?".length).split("&").sort()).toEqual(
      [
        "tags=a%20b",
        "tags=c%26d%3De",
        "ids=1%7C2",
        "filter%5Bkind%5D=x%2Fy",
        "fields=id,na%2Cme",
        "where=a:b/c?d%23e%26f%3Dg%2Bh",
        "query=%7B%22a%22%3A1%7D",
      ].sort(),
    );
  });

  it("sends bodies as JSON and as a form, without what the service adds itself", async () => {
    expect(resultOf(await call("addPet", { body: { name: "Rex" } })).body).toEqual({ id: "p9", name: "Rex" });
    const form = { mediaType: "application/x-www-form-urlencoded", body: { name: "Rex & Co" } };
    expect(resultOf(await call("addPet", form)).body).toEqual({ id: "p9", name: "Rex & Co" });
  });

  it.each<[string, JsonObject, RegExp]>([
    ["getPet", {}, /path parameter `petId` is missing/],
    ["getPet", { path: { petId: 7 } }, /`petId` must be a string/],
    ["getPet", { path: { petId: "" } }, /is empty, which would be another path/],
    ["getPet", { path: { petId: ".." } }, /would lead to another path/],
    ["getPet", { path: { petId: "." } }, /would lead to another path/],
    ["getPet", { path: { petId: "a".repeat(41) } }, /`petId`/],
    ["getPet", { path: { petId: "\ud800" } }, /not valid Unicode/],
    ["getPet", { path: { petId: "p1", other: "x" } }, /`other` is not one of the operation's/],
    ["getPet", { path: { petId: "p1" }, body: {} }, /takes no body/],
    ["getPet", { path: { petId: "p1" }, server: "http://user:pw@127.0.0.1/" }, /`server` must be/],
    ["getPet", { path: { petId: "p1" }, server: "http://127.0.0.1/?a=b" }, /`server` must be/],
    ["listPets", { query: { page: 0 } }, /`page`/],
    ["listPets", { query: { tags: [{}] } }, /`tags`/],
    ["listPets", { header: { "X-Trace": "a\r\nx-evil: 1" } }, /header `X-Trace` may not be set/],
    ["listPets", { header: { "X-Trace": "a\u0000" } }, /header `X-Trace` may not be set/],
    ["addPet", {}, /the body is missing/],
    ["addPet", { body: { name: "" } }, /the body at `name`/],
    ["addPet", { body: { name: "<b>", age: 0 } }, /`name` must match.*`age`|`age`.*`name` must match/],
    ["addPet", { body: { name: "x", parent: { name: 5 } } }, /`parent\.name` must be a string/],
    ["addPet", { body: { name: "x" }, mediaType: "text/xml" }, /a body is sent as `application\/json`/],
    ["addPet", { body: { name: "x" }, pagination: { by: "link", maxPages: 2 } }, /asked for by GET/],
  ])("does not send %s with %j", async (operation, more, message) => {
    await refusedUnsent(operation, more, message);
  });

  it.each(["a/../b", "../../admin", "x?y=1", "x#y", "%2e%2e", "a\\b", "é\n"])(
    "keeps %j within its place in the path",
    async (petId) => {
      const run = await call("getPet", { path: { petId } });
      expect(faultOfRun(run)).toMatchObject({ code: "HTTP_STATUS", facts: { status: 404, response: "404" } });
      const request = JSON.parse(String(run.artifacts.get("request"))) as JsonObject;
      expect(request.url).toBe(`http://127.0.0.1:${server.port}/v1/pets/${encodeURIComponent(petId)}`);
    },
  );

  it("says where an answer does not fit its schema, and keeps the evidence", async () => {
    const run = await call("getPet", { path: { petId: "wrong" } });
    const fault = faultOfRun(run);
    expect(fault).toMatchObject({ code: "OUTPUT_CONTRACT_VIOLATION", phase: "response" });
    const misfits = (fault.facts?.faults ?? []) as readonly JsonObject[];
    const paths = misfits.map(({ path }) => path).sort();
    expect(paths).toEqual(["age", "name", "parent.name"]);
    expect(String(run.artifacts.get("response-body"))).toContain("wrong");
  });

  it.each<[string, RegExp]>([
    ["html", /is `text\/html`, and `application\/json` is described/],
    ["text-as-json", /is no JSON/],
    ["teapot", /status 299 is not described/],
    ["moved", /status 302 is not described/],
  ])("refuses the answer %s", async (petId, message) => {
    const fault = faultOfRun(await call("getPet", { path: { petId } }));
    expect(fault.code).toBe("OUTPUT_CONTRACT_VIOLATION");
    expect(fault.message).toMatch(message);
  });

  it("makes refusing statuses faults, with the body that says why, unless they are answers", async () => {
    expect(faultOfRun(await call("getPet", { path: { petId: "busy" } }))).toMatchObject({
      code: "HTTP_STATUS",
      facts: { status: 429, retryAfterMs: 3000, response: null, body: { title: "later" } },
    });
    expect(faultOfRun(await call("addPet", { body: { name: "taken" } })).facts).toMatchObject({
      status: 409,
      response: "default",
    });
    const expected = await call("getPet", { path: { petId: "nobody" }, expectStatus: [404] });
    expect(resultOf(expected)).toMatchObject({
      status: 404,
      response: "404",
      body: { title: "there is no such pet" },
    });
  });

  it("takes names of prototypes as the names they are", async () => {
    const result = resultOf(await call("getPet", { path: { petId: "proto" } }));
    expect(Object.keys(result.body as JsonObject).sort()).toEqual(["__proto__", "constructor", "id", "name"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  const secret = (into: JsonObject) => [{ name: "key", value: "s3cr3t-0b5e", into }] as never;
  it.each<[JsonObject, JsonObject]>([
    [{ kind: "query", name: "api_key" }, { url: "/v1/pets/p1?api_key=s3cr3t-0b5e" }],
    [{ kind: "header", name: "Authorization", scheme: "bearer" }, { authorization: "Bearer s3cr3t-0b5e" }],
    [{ kind: "cookie", name: "sid" }, { cookie: "sid=s3cr3t-0b5e" }],
  ])("puts a secret where its scheme says: %j", async (into, sent) => {
    const run = await call("getPet", { path: { petId: "p1" } }, { secrets: secret(into) });
    expect(told(resultOf(run))).toMatchObject(sent);
    expect(String(run.artifacts.get("request"))).not.toContain("s3cr3t");
    expect(String(run.artifacts.get("request"))).toContain("<secret key>");
  });

  it("does not send a secret elsewhere, nor go without one that is asked for", async () => {
    const into = { kind: "header", name: "x-other" };
    await refusedUnsent("getPet", { path: { petId: "p1" } }, /no security scheme/, { secrets: secret(into) });
    await refusedUnsent("deletePet", { path: { petId: "p1" } }, /asks for `basic`/);
    const basic = secret({ kind: "header", name: "authorization", scheme: "basic" });
    expect(resultOf(await call("deletePet", { path: { petId: "p1" } }, { secrets: basic }))).toMatchObject({
      status: 204,
    });
  });

  const pages = [...ARTIFACTS, "page-2", "page-3", "page-4"];
  it.each<[JsonObject]>([
    [{ by: "link", items: "/items", maxPages: 4 }],
    [{ by: "cursor", from: "/next", into: "cursor", items: "/items", maxPages: 4 }],
    [{ by: "page", into: "page", items: "/items", maxPages: 4 }],
  ])("walks pages by %j, each an artifact", async (pagination) => {
    const run = await call("listPets", { pagination }, { artifacts: pages });
    const result = resultOf(run);
    expect((result.items as readonly JsonObject[]).map(({ id }) => id)).toEqual([
      "p1",
      "p2",
      "p3",
      "p4",
      "p5",
    ]);
    expect(JSON.parse(String(run.artifacts.get("page-3")))).toMatchObject({ items: [{ id: "p5" }] });
    expect(JSON.parse(String(run.artifacts.get("response-head"))).pages.length).toBeGreaterThanOrEqual(2);
  });

  it("stops at its bound of pages and says that there are more", async () => {
    const pagination = { by: "link", maxPages: 2 };
    const run = await call("listPets", { pagination }, { artifacts: pages });
    expect(resultOf(run)).toMatchObject({ pages: { count: 2, complete: false } });
    const unkept = await call("listPets", { pagination }, { artifacts: ARTIFACTS });
    expect(faultOfRun(unkept)).toMatchObject({ code: "EVIDENCE_INCOMPLETE" });
    expect(unkept.network.dialled).toHaveLength(1);
  });

  it("does not follow pages to another origin, in a circle, or where the engagement excludes", async () => {
    const pagination = { by: "link", maxPages: 4 };
    const go = (trace: string, options: Partial<CallOptions> = {}) =>
      call("listPets", { pagination, header: { "X-Trace": trace } }, { artifacts: pages, ...options });
    const elsewhere = await go("elsewhere");
    expect(faultOfRun(elsewhere)).toMatchObject({ code: "PAGE_REFUSED" });
    expect(elsewhere.network.dialled).toHaveLength(1);
    expect(faultOfRun(await go("loop"))).toMatchObject({ code: "PAGE_LOOP" });
    // The contract's own address is an endpoint; a URL that the answer names must be in scope as well.
    const narrow = { include: [`url:http://127.0.0.1:${server.port}/v1/owners/`, "address:127.0.0.1"] };
    const exclude = { include: narrow.include, exclude: [`url:http://127.0.0.1:${server.port}/v1/pets`] };
    const refused = await go("", exclude);
    expect(faultOfRun(refused)).toMatchObject({ code: "EGRESS_REFUSED" });
    expect(refused.network.dialled).toHaveLength(1);
  });

  it("bounds what an answer costs, whatever it says of itself", async () => {
    const answer = (headers: Record<string, string>, body: string | Uint8Array, status = 200) =>
      startHttp((request, response) => {
        const next = Number(new URL(request.url ?? "", "http://x").searchParams.get("p")) + 1;
        const link = `<${new URL(request.url ?? "", "http://x").pathname}?p=${next}>; rel="next"`;
        response.writeHead(status, { "content-type": "application/json", link, ...headers }).end(body);
      });
    const ask = async (at: LocalServer, maxPages = 1) => {
      const run = await runAdapter(openapi, {
        with: withOf("listPets", { pagination: { by: "link", maxPages } }, at),
        endpoints: [{ host: "127.0.0.1", port: at.port, protocol: "tcp" }],
        artifacts: ["response-head"],
        root,
        timeoutMs: 20_000,
      });
      await at.close();
      return run;
    };
    const bomb = gzipSync(`[${"{},".repeat(1_000_000)}{}]`);
    expect(faultOfRun(await ask(await answer({ "content-encoding": "gzip" }, bomb)))).toMatchObject({
      code: "OUTPUT_CONTRACT_VIOLATION",
      message: "the body is encoded as `gzip`, which was not asked for",
    });
    expect(faultOfRun(await ask(await answer({ "content-encoding": "gzip" }, bomb, 500)))).toMatchObject({
      code: "HTTP_STATUS",
    });
    expect(faultOfRun(await ask(await answer({}, `[${"{},".repeat(200_000)}{}]`)))).toMatchObject({
      code: "SIZE_EXCEEDED",
      message: "the body has more than 200000 values",
    });
    const page = `{"items":[]${" ".repeat(7 * 1024 * 1024)}}`;
    const long = await answer({}, page);
    const run = await ask(long, 25);
    expect(faultOfRun(run)).toMatchObject({
      code: "SIZE_EXCEEDED",
      message: "the pages are longer than 33554432 bytes together",
    });
    expect(run.network.dialled).toHaveLength(5);
  }, 30_000);

  it("believes only the operation whose digest is pinned", async () => {
    const missing = await call("getPet", { operation: `sha256:${"0".repeat(64)}` });
    expect(faultOfRun(missing)).toMatchObject({ code: "DEFINITION_MISSING", phase: "prepare" });
    const changed = `sha256:${"1".repeat(64)}`;
    writeFileSync(join(root, "operations", `${"1".repeat(64)}.json`), "{}");
    expect(faultOfRun(await call("getPet", { operation: changed }))).toMatchObject({
      code: "DEFINITION_CHANGED",
    });
    expect(missing.network.dialled).toEqual([]);
  });

  it("notices an unreachable server", async () => {
    const closed = await startHttp(petstore);
    await closed.close();
    const endpoints = [{ host: "127.0.0.1", port: closed.port, protocol: "tcp" as const }];
    const fault = faultOfRun(
      await call(
        "getPet",
        { path: { petId: "p1" }, server: `http://127.0.0.1:${closed.port}` },
        { endpoints },
      ),
    );
    expect(fault).toMatchObject({ code: "ECONNREFUSED", phase: "connect" });
  });

  const scenario = (at: () => LocalServer) => async () => ({
    with: withOf("getPet", { path: { petId: "p1" } as Json as JsonObject }, at()),
    network: testNetwork({
      endpoints: [{ host: "127.0.0.1", port: at().port, protocol: "tcp" }],
      include: LOOPBACK,
    }),
    root,
    leftovers: () => at().open(),
  });
  for (const { name, run } of adapterCases({
    adapter: openapi,
    artifacts: ARTIFACTS,
    openCapture: memoryCapture,
    good: scenario(() => quiet),
    silent: scenario(() => silent),
    endless: scenario(() => babbler),
    secretInto: { kind: "cookie", name: "sid" },
  })) {
    it(name, run);
  }
});
