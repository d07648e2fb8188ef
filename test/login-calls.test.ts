// Contracts of the catalog that log in, called through the gates: what a server repeats of the password is in no receipt,
// no artifact and no error; what a mail server left open is in doubt, what it refused or never had is not.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openNetwork } from "../src/adapter/egress/guarded-network.ts";
import { element, integer, octets, readElements, SEQUENCE, SET } from "../src/adapters/ldap/ber.ts";
import { ldap } from "../src/adapters/ldap/ldap-adapter.ts";
import { smtp } from "../src/adapters/smtp/smtp-adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import { implicitRunbook } from "../src/contract/implicit-runbook.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import type { JsonObject } from "../src/format/json.ts";
import { advance } from "../src/run/advance.ts";
import type { Lane } from "../src/run/lane.ts";
import { startRun } from "../src/run/start-run.ts";
import { stepOf } from "./fixtures/check-bundle.ts";
import { exported, judge, open, VALID, verdict } from "./fixtures/real-run.ts";
import { makeCertificate } from "./local-servers.ts";

const PASSWORD = "Pa55word-of-the-lane-0b5e";
const SPELLINGS = [
  PASSWORD,
  Buffer.from(PASSWORD).toString("base64"),
  Buffer.from(`\0soc\0${PASSWORD}`).toString("base64"),
];
let certificate: { key: string; cert: string };
beforeAll(async () => {
  certificate = await makeCertificate("login.example.test");
});
const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

async function startServer(act: (socket: TLSSocket) => void): Promise<number> {
  const server = createServer(certificate, (socket) => {
    socket.on("error", () => undefined);
    act(socket);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const catalog = (file: string): Contract =>
  parseContract(readFileSync(join(import.meta.dirname, "..", "catalog", file), "utf8"), { file });

/** Calls a contract; gives its step as a verifier sees it, and all bytes of the bundle. */
async function call(contract: Contract, inputs: JsonObject, include: readonly string[]) {
  const targets = ["cidr:127.0.0.0/8", ...include];
  const letter = { id: "letter", kind: "owner-record" as const, targets, grantedBy: "Acme" };
  const test = await open([contract], [ldap, smtp], {
    scope: { include: targets, exclude: [] },
    authorizations: [letter],
  });
  const lane: Lane = {
    ...test.lane,
    openNetwork: (rules) => openNetwork({ ...rules, resolvers: [], extraCa: certificate.cert }),
    resolveSecret: async () => ({ ok: true, value: PASSWORD }),
  };
  const runbook = implicitRunbook(contract, Object.keys(inputs), "olga", "confidential", "try it");
  await test.authorize(runbook);
  const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
  if (!started.started) throw new Error(started.problems.join("; "));
  await advance(lane, started.run);
  const report = await judge(test, [started.run], lane);
  expect(verdict(report)).toEqual(VALID);
  const files = await exported(lane, [started.run]);
  return {
    step: stepOf(report, "call"),
    bytes: [...files.values()].map((one) => Buffer.from(one).toString("latin1")).join("\n"),
  };
}

describe("a directory that repeats the password", () => {
  const message = (id: number, ...operation: Buffer[]) => element(SEQUENCE, integer(id), ...operation);
  const result = (tag: number, code: number, text = "") =>
    element(tag, integer(code, 0x0a), octets(""), octets(text));
  const lookUp = (port: number) =>
    call(
      catalog("ldap/user.yaml"),
      { host: "127.0.0.1", port, bindAs: "cn=soc,dc=example", base: "dc=example", user: "bob" },
      ["account:dc=example/*"],
    );
  /** Answers the bind, then the search, each with what it saw. */
  const directory = (code: number) =>
    startServer((socket) => {
      let password = "";
      socket.on("data", (chunk: Buffer) => {
        const request = readElements(readElements(chunk)[0]?.content ?? Buffer.alloc(0))[1];
        if (request?.tag === 0x60) {
          password = String(readElements(request.content)[2]?.content);
          socket.write(message(1, result(0x61, code, `not with ${password}`)));
        } else if (request?.tag === 0x63) {
          const values = [password, Buffer.from(password).toString("base64")].map((one) => octets(one));
          const mail = element(SEQUENCE, octets("mail"), element(SET, ...values));
          socket.write(message(2, element(0x64, octets("uid=bob"), element(SEQUENCE, mail))));
          socket.write(message(2, result(0x65, 0, `as you said: ${password}`)));
        }
      });
    });

  it("when it refuses it", async () => {
    const { step, bytes } = await lookUp(await directory(49));
    expect(step).toMatchObject({ outcome: "failed", errorClass: "AUTH_REJECTED" });
    for (const spelling of SPELLINGS) expect(bytes).not.toContain(spelling);
    expect(bytes).toContain("not with ");
  }, 30_000);

  it("in an entry", async () => {
    const { step, bytes } = await lookUp(await directory(0));
    expect(step).toMatchObject({ outcome: "executed" });
    for (const spelling of SPELLINGS) expect(bytes).not.toContain(spelling);
  }, 30_000);
});

describe("a mail server", () => {
  const notify = (port: number) =>
    call(
      catalog("mail/notify.yaml"),
      {
        host: "127.0.0.1",
        port,
        security: "tls",
        user: "soc",
        from: "soc@example.test",
        to: ["ana@example.test"],
        subject: "disabled",
        text: "bob",
      },
      ["email-domain:example.test"],
    );
  /** Speaks SMTP as told, and hangs up at one line. */
  const mailServer = (hangUpAt: RegExp | undefined, last = "250 kept\r\n") =>
    startServer((socket) => {
      socket.write("220 hello\r\n");
      let [text, login] = ["", ""];
      let inMessage = false;
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
          const line = text.slice(0, end);
          text = text.slice(end + 2);
          if (hangUpAt?.test(line)) return void socket.destroy();
          if (inMessage && line !== ".") continue;
          if (line.startsWith("AUTH")) login = line;
          inMessage = line === "DATA";
          if (line === ".") socket.write(last.replace("LOGIN", login));
          else if (inMessage) socket.write("354 go on\r\n");
          else if (line.startsWith("EHLO")) socket.write("250-hello\r\n250 AUTH PLAIN\r\n");
          else socket.write(line.startsWith("AUTH") ? `235 ${line}\r\n` : `250 fine ${login}\r\n`);
        }
      });
    });

  it("that repeats the login, with every reply", async () => {
    const { step, bytes } = await notify(await mailServer(undefined, "250 LOGIN\r\n"));
    expect(step).toMatchObject({ outcome: "executed", proofClass: "strong-proof" });
    for (const spelling of SPELLINGS) expect(bytes).not.toContain(spelling);
  }, 30_000);

  it.each([
    ["hangs up when the message should begin", /^DATA$/, "250 kept\r\n", "failed"],
    ["hangs up at its end", /^\.$/, "250 kept\r\n", "in-doubt"],
    ["talks nonsense at its end", undefined, "kept\r\n", "in-doubt"],
    ["refuses it at its end", undefined, "554 5.7.1 no\r\n", "failed"],
    ["is busy at its end", undefined, "451 later\r\n", "failed"],
  ])(
    "that %s",
    async (_, hangUpAt, last, outcome) => {
      expect((await notify(await mailServer(hangUpAt, last))).step).toMatchObject({ outcome });
    },
    30_000,
  );
});
