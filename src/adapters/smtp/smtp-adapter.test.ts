import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import PostalMime from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultOfRun, memoryCapture, resultOf, runAdapter, testNetwork } from "../../../test/adapter-call.ts";
import { type LocalServer, makeCertificate, startTcp } from "../../../test/local-servers.ts";
import type { Call } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { buildMessage } from "./build-message.ts";
import { smtp } from "./smtp-adapter.ts";

const PASSWORD = "mailer-Pa55word-0b5e";
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

interface Delivered {
  readonly to: readonly string[];
  readonly user: unknown;
  readonly secure: boolean;
  readonly raw: string;
}

let certificate: { key: string; cert: string };
beforeAll(async () => {
  certificate = await makeCertificate("mail.example.test");
});

/** A real mail server that keeps what it gets. */
async function mailServer(
  options: SMTPServerOptions = {},
): Promise<{ port: number; delivered: Delivered[] }> {
  const delivered: Delivered[] = [];
  const server = new SMTPServer({
    ...certificate,
    logger: false,
    authOptional: true,
    onAuth: ({ username, password }, _session, done) =>
      password === PASSWORD ? done(null, { user: username }) : done(new Error("not with this password")),
    onRcptTo: ({ address }, _session, done) =>
      done(
        address.startsWith("nobody@")
          ? Object.assign(new Error("no such user"), { responseCode: 550 })
          : null,
      ),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const raw = Buffer.concat(chunks).toString("latin1");
        delivered.push({ to, user: session.user, secure: session.secure, raw });
        done(null, "kept as 42");
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  closers.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, delivered };
}

const secrets = (value = PASSWORD): Call["secrets"] => [
  { name: "password", value, into: { kind: "password", name: "mailer" } },
];
const MESSAGE = {
  from: "soc@example.test",
  to: ["ana@example.test", "ben@shop.example"],
  subject: "Konto gesperrt: Bob „Zweite“ =?utf-8?B?eA==?= and more than sixty characters of it",
  text: "Zeile eins\n.\r\nRCPT TO:<eve@evil.example>\r\n.\r\nQUIT\nÄ",
};

function send(
  port: number,
  parameters: JsonObject = {},
  options: Partial<Parameters<typeof runAdapter>[1]> = {},
) {
  return runAdapter(smtp, {
    with: { host: "127.0.0.1", port, user: "mailer", ...MESSAGE, ...parameters },
    endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
    extraCa: certificate.cert,
    secrets: secrets(),
    artifacts: ["message", "replies"],
    timeoutMs: 3000,
    ...options,
  });
}

const plain = (parameters: JsonObject = {}) => {
  const { user: _, ...rest } = { user: "", ...MESSAGE, security: "none", ...parameters };
  return rest;
};
/** Without login and TLS, as far as the fault allows. */
function sendPlainly(port: number, parameters: JsonObject = {}) {
  return runAdapter(smtp, {
    with: { host: "127.0.0.1", port, ...plain(parameters) },
    endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
    extraCa: certificate.cert,
    artifacts: ["message", "replies"],
    timeoutMs: 800,
  });
}

describe("smtp, against a real server", () => {
  it.each([
    ["starttls", false],
    ["tls", true],
  ] as const)("delivers to exactly the recipients, over %s, logged in", async (security, secure) => {
    const { port, delivered } = await mailServer({ secure });
    const done = await send(port, { security });
    expect(resultOf(done)).toMatchObject({
      reply: 250,
      recipients: MESSAGE.to,
      messageId: "<0123456789abcdef@example.test>",
    });
    expect(delivered).toMatchObject([{ to: MESSAGE.to, user: "mailer", secure: true }]);
    const raw = delivered[0]?.raw ?? "";
    expect(raw).toBe(String(done.artifacts.get("message")));
    const parsed = await PostalMime.parse(raw);
    expect(parsed.subject).toBe(MESSAGE.subject);
    expect(parsed.text?.trim()).toBe(MESSAGE.text.replaceAll(/\r?\n/g, "\r\n"));
    const replies = String(done.artifacts.get("replies"));
    expect(replies).toContain("kept as 42");
    for (const form of [PASSWORD, Buffer.from(`\0mailer\0${PASSWORD}`).toString("base64")])
      expect(replies).not.toContain(form);
    expect(replies).toContain('{"command":"AUTH","lines":[],"reply":235}');
  });

  it("logs in the old way where a server knows no other", async () => {
    const { port, delivered } = await mailServer({ authMethods: ["LOGIN"] });
    const done = await send(port);
    resultOf(done);
    expect(delivered).toMatchObject([{ user: "mailer" }]);
    expect(String(done.artifacts.get("replies"))).not.toContain(Buffer.from(PASSWORD).toString("base64"));
    const { port: odd } = await mailServer({ authMethods: ["CRAM-MD5"] });
    expect(faultOfRun(await send(odd))).toMatchObject({ code: "AUTH_UNSUPPORTED", phase: "login" });
  });

  it("is not let in with a wrong password, and shows none", async () => {
    const { port } = await mailServer();
    const done = await send(port, {}, { secrets: secrets("wrong-Pa55word") });
    expect(faultOfRun(done)).toMatchObject({ code: "SMTP_REPLY", phase: "login", facts: { reply: 535 } });
    expect(JSON.stringify(done.outcome) + String(done.artifacts.get("replies"))).not.toContain(
      "wrong-Pa55word",
    );
  });

  it("delivers to nobody when one recipient is refused", async () => {
    const { port, delivered } = await mailServer();
    const fault = faultOfRun(await send(port, { to: ["ana@example.test", "nobody@example.test"] }));
    expect(fault).toMatchObject({
      code: "SMTP_REPLY",
      phase: "envelope",
      facts: { reply: 550, command: "RCPT TO:<nobody@example.test>" },
    });
    expect(delivered).toEqual([]);
  });

  it("says when the server does not take the whole message", async () => {
    const { port } = await mailServer({
      onData(stream, _session, done) {
        stream.resume();
        stream.on("end", () =>
          done(Object.assign(new Error("5.7.1 no such words here"), { responseCode: 554 })),
        );
      },
    });
    expect(faultOfRun(await send(port))).toMatchObject({
      code: "SMTP_REPLY",
      phase: "response",
      facts: { reply: 554 },
    });
  });

  it("sends no password and no message over a line that nobody protects", async () => {
    const { port, delivered } = await mailServer({ disabledCommands: ["STARTTLS"] });
    expect(faultOfRun(await send(port))).toMatchObject({ code: "STARTTLS_REFUSED", phase: "tls" });
    expect(faultOfRun(await send(port, { security: "none" })).code).toBe("CLEARTEXT_REFUSED");
    const strangers = await makeCertificate("strangers.example.test");
    const other = await mailServer();
    expect(faultOfRun(await send(other.port, {}, { extraCa: strangers.cert })).phase).toBe("tls");
    expect([...delivered, ...other.delivered]).toEqual([]);
    expect(resultOf(await sendPlainly(port))).toMatchObject({ reply: 250 });
    expect(faultOfRun(await send(port, {}, { endpoints: [] })).code).toBe("EGRESS_REFUSED");
    expect(faultOfRun(await send(port, {}, { secrets: [] })).code).toBe("PARAMETERS_INVALID");
  });

  describe("conformance", () => {
    const scenario = async (port: number) => ({
      with: { host: "127.0.0.1", port, cleartextPassword: true, ...plain() },
      network: testNetwork({ endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }] }),
      root: "/",
    });
    for (const { name, run } of adapterCases({
      adapter: smtp,
      artifacts: ["message", "replies"],
      openCapture: memoryCapture,
      timeoutMs: 5000,
      good: async () => scenario((await mailServer()).port),
      silent: async () => scenario((await hostile(() => undefined)).port),
    })) {
      it(name, run);
    }
  });
});

/** A server that answers each line by what `answer` says; `null` hangs up. */
async function hostile(
  answer: (line: string, socket: Socket) => string | null | undefined,
  greeting: string | undefined = undefined,
): Promise<LocalServer & { readonly seen: string[] }> {
  const seen: string[] = [];
  const server = await startTcp((socket) => {
    if (greeting !== undefined) socket.write(greeting);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        seen.push(line);
        const said = answer(line, socket);
        if (said === null) return void socket.destroy();
        if (said !== undefined) socket.write(said);
      }
    });
  });
  closers.push(() => server.close());
  return { ...server, seen };
}

describe("smtp, against hostile servers", () => {
  /** Plays along until the message, then does as told at that line. */
  const until = (verb: RegExp, then: (socket: Socket) => string | null | undefined) =>
    hostile((line, socket) => {
      if (verb.test(line)) return then(socket);
      if (line.startsWith("DATA")) return "354 go on\r\n";
      return /^(EHLO|MAIL|RCPT)/.test(line) ? "250 fine\r\n" : undefined;
    }, "220 hello\r\n");

  it.each([
    ["noise", "\x00\xff\xfe garbage\r\n"],
    ["a line without an end", "2".repeat(5000)],
    ["a reply without an end", "250-more\r\n".repeat(500)],
    ["a reply of two codes", "250-one\r\n251 two\r\n"],
    ["answers to what nobody asked", "250 fine\r\n250 fine\r\n250 fine\r\n"],
    ["an unknown code", "999 what\r\n"],
  ])("ends at %s", async (_, bytes) => {
    const { port } = await until(/^EHLO/, () => bytes);
    expect(faultOfRun(await sendPlainly(port))).toMatchObject({ code: "RESPONSE_MALFORMED" });
  });

  it.each([
    ["220", "hangs up", null, "ECONNRESET", "login"],
    ["EHLO", "is silent", undefined, "TIMEOUT", "login"],
    ["MAIL", "is busy", "451 later\r\n", "SMTP_REPLY", "envelope"],
    ["RCPT", "hangs up", null, "ECONNRESET", "envelope"],
    ["DATA", "hangs up", null, "ECONNRESET", "envelope"],
    ["\\.", "hangs up after the dot", null, "ECONNRESET", "response"],
    ["\\.", "is silent after the dot", undefined, "TIMEOUT", "response"],
    ["\\.", "talks nonsense after the dot", "OK!\r\n", "RESPONSE_MALFORMED", "response"],
    ["\\.", "takes nothing", "452 full\r\n", "SMTP_REPLY", "response"],
  ])("at %s: the server %s", async (at, _, said, code, phase) => {
    const server =
      at === "220"
        ? await startTcp((socket) => void socket.destroy())
        : await until(new RegExp(`^${at}$|^${at} `), () => said);
    closers.push(() => server.close());
    expect(faultOfRun(await sendPlainly(server.port))).toMatchObject({ code, phase });
  });

  it("sends no password when plain text comes after the answer to STARTTLS", async () => {
    const injected = "220 go\r\n250-mail.example.test\r\n250 AUTH PLAIN\r\n";
    const server = await hostile(
      (line) => (line.startsWith("EHLO") ? "250-hi\r\n250 STARTTLS\r\n" : injected),
      "220 hi\r\n",
    );
    expect(faultOfRun(await send(server.port))).toMatchObject({ code: "STARTTLS_INJECTED", phase: "tls" });
    for (const refused of ["454 not now\r\n", "250 sure\r\n"]) {
      const one = await hostile(
        (line) => (line.startsWith("EHLO") ? "250-hi\r\n250 STARTTLS\r\n" : refused),
        "220 hi\r\n",
      );
      expect(faultOfRun(await send(one.port))).toMatchObject({ code: "STARTTLS_REFUSED", phase: "tls" });
      expect(one.seen).toEqual(["EHLO [127.0.0.1]", "STARTTLS"]);
    }
    expect(server.seen.join()).not.toContain("AUTH");
  });

  it("keeps what a server echoes of a login out of everything", async () => {
    const server = await hostile(
      (line) => (line.startsWith("EHLO") ? "250-hi\r\n250 AUTH PLAIN\r\n" : `535 not ${line}\r\n`),
      "220 hi\r\n",
    );
    const done = await send(server.port, { security: "none", cleartextPassword: true });
    expect(faultOfRun(done)).toMatchObject({
      code: "SMTP_REPLY",
      message: "the server answered 535 to `AUTH`",
    });
    const everything = JSON.stringify(done.outcome) + [...done.artifacts.values()].join("\n");
    expect(everything).not.toContain(Buffer.from(`\0mailer\0${PASSWORD}`).toString("base64"));
  });
});

describe("a message", () => {
  it("has the headers that it is given, and no others", async () => {
    const text = buildMessage(MESSAGE, "id", new Date("2026-11-27T06:00:00Z"));
    const parsed = await PostalMime.parse(text);
    expect(parsed.headers.map(({ key }) => key)).toEqual([
      "from",
      "to",
      "subject",
      "date",
      "message-id",
      "auto-submitted",
      "mime-version",
      "content-type",
      "content-transfer-encoding",
    ]);
    expect(parsed.date).toBe("2026-11-27T06:00:00.000Z");
    expect(parsed.to?.map(({ address }) => address)).toEqual(MESSAGE.to);
    expect(Math.max(...text.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(78);
    expect(/[^\r]\n|[\u0080-\uffff]/.test(text)).toBe(false);
  });

  it.each([
    { subject: "a\r\nBcc: eve@evil.example" },
    { subject: "a\u0085\nb" },
    { from: "soc@example.test>\r\nRCPT TO:<eve@evil.example" },
    { to: ["ana@example.test\nBcc: eve@evil.example"] },
    { to: ["Ana <ana@example.test>"] },
    { to: ["ana@example.test,eve@evil.example"] },
    { to: [] },
    { clientName: "a\r\nMAIL FROM:<>" },
    { user: "a\0b" },
  ])("is refused before anything leaves: %j", async (wrong) => {
    const { checkSchema } = await import("../../contract/check-schema.ts");
    const given = { host: "127.0.0.1", ...MESSAGE };
    expect(checkSchema(smtp.parameters, given)).toEqual([]);
    expect(checkSchema(smtp.parameters, { ...given, ...wrong })).not.toEqual([]);
  });
});
