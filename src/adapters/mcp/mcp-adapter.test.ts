import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import type { Call, Fault } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { mcp } from "./mcp-adapter.ts";
import { mcpStdio } from "./mcp-stdio-adapter.ts";

const bin = join(import.meta.dirname, "..", "..", "..", "node_modules", ".bin");
const root = mkdtempSync(join(tmpdir(), "witnessops-mcp-"));
const before = process.env.PATH;
let everything: ChildProcess;
let url: string;

beforeAll(async () => {
  process.env.PATH = [bin, dirname(process.execPath), before].join(delimiter);
  const port = await freePort();
  everything = spawn(join(bin, "mcp-server-everything"), ["streamableHttp"], {
    env: { ...process.env, PORT: String(port) },
    stdio: "ignore",
  });
  url = `http://127.0.0.1:${port}/mcp`;
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      break;
    await delay(100);
  }
}, 30_000);

afterAll(() => {
  everything.kill("SIGKILL");
  process.env.PATH = before;
  rmSync(root, { recursive: true, force: true });
});

const NONE = `sha256:${"0".repeat(64)}`;
const stdio = { command: "mcp-server-everything", args: ["stdio"] };

async function run(adapter: typeof mcp, parameters: JsonObject, changes: Partial<Call> = {}) {
  const capture = memoryCapture(["definition", "content", "block-1", "stderr"]);
  const port = typeof parameters.url === "string" ? Number(new URL(parameters.url).port) : 1;
  const network = testNetwork({ endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }] });
  const call: Call = {
    with: parameters,
    signal: AbortSignal.timeout(30_000),
    idempotencyKey: "0".repeat(32),
    network,
    capture,
    secrets: [],
    root,
    ...changes,
  };
  const outcome = await adapter.run(call);
  network.close();
  return { outcome, capture };
}

const faultOf = ({ outcome }: Awaited<ReturnType<typeof run>>): Fault => {
  if (outcome.ok) throw new Error("the call did not fail");
  return outcome.fault;
};

/** The digest that the server's definition has now, as a refusal tells it. */
async function digestOf(adapter: typeof mcp, server: JsonObject, tool: string): Promise<string> {
  const { code, facts, message } = faultOf(await run(adapter, { ...server, tool, definition: NONE }));
  expect([code, code === "DEFINITION_CHANGED" ? "" : message]).toEqual(["DEFINITION_CHANGED", ""]);
  expect(code).toBe("DEFINITION_CHANGED");
  return String(facts?.digest);
}

describe.each([
  ["over streamable HTTP", mcp, () => ({ url }) as JsonObject],
  ["over stdio", mcpStdio, () => stdio as unknown as JsonObject],
] as const)("a tool of the reference server %s", (_, adapter, server) => {
  it("is called once its definition is the pinned one", async () => {
    const definition = await digestOf(adapter, server(), "echo");
    const asked = { ...server(), tool: "echo", arguments: { message: "hello" }, definition };
    const { outcome, capture } = await run(adapter, asked);
    expect(outcome).toMatchObject({
      ok: true,
      result: { definition, content: [{ type: "text", text: "Echo: hello" }], protocol: expect.any(String) },
    });
    expect(JSON.parse(Buffer.from(capture.artifacts.get("definition") ?? []).toString())).toMatchObject({
      name: "echo",
    });
    expect(Buffer.from(capture.artifacts.get("content") ?? []).toString()).toContain("Echo: hello");
  });

  it("gets no argument that was left out", async () => {
    const tool = "get-annotated-message";
    const definition = await digestOf(adapter, server(), tool);
    const given = { messageType: "error", includeImage: null };
    const { outcome } = await run(adapter, { ...server(), tool, arguments: given, definition });
    expect(outcome).toMatchObject({ ok: true });
  });

  it("that does not exist, or has another definition, is not called", async () => {
    expect(faultOf(await run(adapter, { ...server(), tool: "nothing", definition: NONE }))).toMatchObject({
      code: "TOOL_MISSING",
      phase: "prepare",
    });
    const definition = await digestOf(adapter, server(), "echo");
    expect(definition).not.toBe(await digestOf(adapter, server(), "get-sum"));
  });

  it("that refuses its arguments says so", async () => {
    const definition = await digestOf(adapter, server(), "echo");
    const fault = faultOf(
      await run(adapter, { ...server(), tool: "echo", arguments: { wrong: 1 }, definition }),
    );
    expect(["TOOL_ERROR", "PROTOCOL_ERROR"]).toContain(fault.code);
  });

  it("answers with an image, which is an artifact of its own", async () => {
    const definition = await digestOf(adapter, server(), "get-tiny-image");
    const { outcome, capture } = await run(adapter, { ...server(), tool: "get-tiny-image", definition });
    expect(outcome).toMatchObject({
      ok: true,
      result: { content: { 1: { type: "image", mimeType: "image/png" } } },
    });
    expect([...(capture.artifacts.get("block-1") ?? [])].slice(1, 4)).toEqual([0x50, 0x4e, 0x47]);
  });

  it("is left when it takes too long, and leaves nothing behind", async () => {
    const tool = "trigger-long-running-operation";
    const definition = await digestOf(adapter, server(), tool);
    const asked = { ...server(), tool, arguments: { duration: 60, steps: 2 }, definition };
    const began = performance.now();
    const fault = faultOf(await run(adapter, asked, { signal: AbortSignal.timeout(1500) }));
    expect(performance.now() - began).toBeLessThan(4000);
    expect(["TIMEOUT", "CANCELLED"]).toContain(fault.code);
  });
});

describe("a server of the newer generation, without sessions", () => {
  const script = join(import.meta.dirname, "..", "..", "..", "test", "fixtures", "modern-mcp-server.mjs");
  const modern = { command: "node", args: [script] } as unknown as JsonObject;

  it("is spoken to in its own protocol", async () => {
    const definition = await digestOf(mcpStdio, modern, "look");
    const { outcome } = await run(mcpStdio, { ...modern, tool: "look", arguments: { at: "it" }, definition });
    expect(outcome).toMatchObject({
      ok: true,
      result: { protocol: "2026-07-28", structured: { seen: "it" }, server: { name: "modern" } },
    });
  });
});

describe("conformance", () => {
  const digests = new Map<string, string>();
  const echo = async (adapter: typeof mcp, server: JsonObject): Promise<JsonObject> => {
    const known = digests.get(adapter.id) ?? (await digestOf(adapter, server, "echo"));
    digests.set(adapter.id, known);
    return { ...server, tool: "echo", arguments: { message: "hello" }, definition: known };
  };
  const at = (address: string) => {
    const { port } = new URL(address);
    return testNetwork({ endpoints: [{ host: "127.0.0.1", port: Number(port), protocol: "tcp" }] });
  };
  const hanging: Server[] = [];
  afterAll(() => {
    for (const server of hanging) {
      server.closeAllConnections();
      server.close();
    }
  });
  async function hostile(listener: (response: Response) => void): Promise<string> {
    const server = createServer((_request, response) => listener(response)).listen(0, "127.0.0.1");
    hanging.push(server);
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  }
  const scenario = (address: string) => ({
    with: { url: address, tool: "echo", definition: NONE },
    network: at(address),
    root,
  });

  describe("mcp", () => {
    for (const { name, run: check } of adapterCases({
      adapter: mcp,
      artifacts: ["definition", "content"],
      openCapture: memoryCapture,
      good: async () => ({ with: await echo(mcp, { url }), network: at(url), root }),
      silent: async () => scenario(await hostile(() => undefined)),
      secretInto: { kind: "header", name: "authorization", scheme: "bearer" },
    })) {
      it(name, check);
    }
  });

  describe("mcp-stdio", () => {
    for (const { name, run: check } of adapterCases({
      adapter: mcpStdio,
      artifacts: ["definition", "content", "stderr"],
      openCapture: memoryCapture,
      timeoutMs: 10_000,
      good: async () => ({ with: await echo(mcpStdio, stdio as never), network: testNetwork({}), root }),
      silent: async () => ({
        with: { command: "sleep", args: ["60"], tool: "echo", definition: NONE },
        network: testNetwork({}),
        root,
      }),
    })) {
      it(name, check);
    }
  });
});

describe("the egress guard", () => {
  it("decides about every connection", async () => {
    const network = testNetwork({ endpoints: [{ host: "127.0.0.1", port: 1, protocol: "tcp" }] });
    const fault = faultOf(await run(mcp, { url, tool: "echo", definition: NONE }, { network }));
    expect(fault).toMatchObject({ code: "EGRESS_REFUSED", phase: "connect" });
  });
});

describe("a hostile server", () => {
  async function answering(listener: Parameters<typeof createServer>[1]) {
    const server: Server = createServer(listener as never).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}/mcp`,
      close(): void {
        server.closeAllConnections();
        server.close();
      },
    };
  }
  const asked = { tool: "echo", definition: NONE };

  it.each([
    ["sends what is no JSON", (_: unknown, response: never) => end(response, 200, "application/json", "{")],
    ["answers with a page", (_: unknown, response: never) => end(response, 200, "text/html", "<p>hello</p>")],
    ["refuses", (_: unknown, response: never) => end(response, 403, "text/plain", "no")],
    [
      "redirects elsewhere",
      (_: unknown, response: never) => end(response, 302, "text/plain", "", "http://127.0.0.2:1/"),
    ],
    ["sends without end", (_: unknown, response: never) => flood(response)],
  ])(
    "%s: a fault, in time",
    async (_, listener) => {
      const server = await answering(listener as never);
      try {
        const fault = faultOf(
          await run(mcp, { url: server.url, ...asked }, { signal: AbortSignal.timeout(10_000) }),
        );
        expect(fault.code).not.toBe("");
        expect(fault.message.length).toBeLessThan(5000);
      } finally {
        server.close();
      }
    },
    20_000,
  );

  it("that is a program which says nothing, or nonsense, is ended at the deadline", async () => {
    for (const script of ["sleep 60", "yes nonsense"]) {
      const parameters = { command: "sh", args: ["-c", script], ...asked };
      const began = performance.now();
      const fault = faultOf(await run(mcpStdio, parameters, { signal: AbortSignal.timeout(1000) }));
      expect(fault.code).not.toBe("");
      expect(performance.now() - began).toBeLessThan(4000);
    }
  }, 20_000);
});

type Response = import("node:http").ServerResponse;

function end(response: Response, status: number, type: string, body: string, location?: string): void {
  response.writeHead(status, { "content-type": type, ...(location === undefined ? {} : { location }) });
  response.end(body);
}

async function flood(response: Response): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  while (!response.destroyed) {
    response.write(Buffer.alloc(1 << 20, 0x20));
    await delay(1);
  }
}

async function freePort(): Promise<number> {
  const probe = createTcp().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
