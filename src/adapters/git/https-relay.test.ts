import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../../test/adapter-call.ts";
import { type LocalServer, makeCertificate, startHttps } from "../../../test/local-servers.ts";
import { type HttpsRelay, startRelay } from "./https-relay.ts";
import { parseRemote, type Remote } from "./parameters.ts";

const PATH = "/shop.git/git-upload-pack";
let server: LocalServer;
let extraCa: string;
/** What the remote does once it has sent the first bytes. */
let goOn: (answer: ServerResponse) => void;
let isAbandoned: Promise<unknown>;

beforeAll(async () => {
  const credentials = await makeCertificate("git.example");
  extraCa = credentials.cert;
  server = await startHttps(credentials, (asked, answer) => {
    isAbandoned = once(answer, "close");
    asked.resume();
    answer.writeHead(200, { "content-type": "application/x-git-upload-pack-result" });
    answer.write("some bytes");
    goOn(answer);
  });
});
afterAll(() => server.close());

async function relayTo(port: number): Promise<HttpsRelay> {
  const remote = parseRemote(`https://127.0.0.1:${port}/shop.git`) as Remote;
  const endpoints = [{ host: "127.0.0.1", port, protocol: "tcp" as const }];
  const call = {
    with: {},
    signal: AbortSignal.timeout(10_000),
    idempotencyKey: "0123456789abcdef",
    network: testNetwork({ endpoints, extraCa }),
    capture: memoryCapture([]),
    secrets: [],
    root: import.meta.dirname,
  };
  return startRelay(call as unknown as Parameters<typeof startRelay>[0], remote, 1 << 30);
}

/** Asks as git does, and resolves with the first bytes. */
async function ask(relay: HttpsRelay): Promise<IncomingMessage> {
  const [name = "", value = ""] = relay.header.split(": ");
  const asking = request(new URL(PATH, relay.url), { method: "POST", headers: { [name]: value } });
  asking.on("error", () => undefined);
  asking.end("0000");
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  await once(answer, "data");
  return answer;
}

describe("the relay", () => {
  it("does not take git's own end for the remote's", async () => {
    goOn = (answer) => {
      const more = setInterval(() => answer.write(Buffer.alloc(1 << 16)), 1);
      answer.on("close", () => clearInterval(more));
    };
    const relay = await relayTo(server.port);
    const answer = await ask(relay);
    answer.on("error", () => undefined);
    answer.socket.resetAndDestroy();
    await isAbandoned;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await relay.readFault()).toBeUndefined();
    relay.close();
  });

  it("names a remote that breaks off in the middle of its answer", async () => {
    goOn = (answer) => setTimeout(() => answer.socket?.destroy(), 20);
    const relay = await relayTo(server.port);
    const answer = await ask(relay);
    await once(answer, "error");
    expect(await relay.readFault()).toMatchObject({ code: "ECONNRESET", phase: "response" });
    relay.close();
  });

  it("answers nobody who does not have its token", async () => {
    const relay = await relayTo(server.port);
    const stranger = connect(Number(new URL(relay.url).port), "127.0.0.1");
    stranger.end(`POST ${PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    const [bytes] = (await once(stranger, "data")) as [Buffer];
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 403 /);
    relay.close();
  });
});
