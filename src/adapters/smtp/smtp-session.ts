import type { Call, Fault } from "../../adapter/adapter.ts";
import { isLoopback } from "../../adapter/host-name.ts";
import { type Connection, NetworkFault } from "../../adapter/network.ts";
import { passwordOf } from "../../adapter/password.ts";
import type { JsonObject } from "../../format/json.ts";
import type { SmtpParameters } from "./parameters.ts";
import { openReplyStream, type Reply, ReplyMalformed } from "./reply-stream.ts";

/** The server's answer was no, or it was not asked. */
export class SmtpRefused extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.name = "SmtpRefused";
    this.fault = fault;
  }
}

/** A conversation that has said hello and, where somebody is to, logged in. */
export interface SmtpSession {
  /** Sends one line. @returns the reply, whatever it says. @throws NetworkFault, ReplyMalformed. */
  ask(line: string): Promise<Reply>;
  /** As `ask`. @throws SmtpRefused unless the reply is of this hundred. */
  demand(line: string, hundred: 2 | 3): Promise<Reply>;
  /** Sends bytes and waits until they have left this process. */
  send(bytes: Buffer): Promise<void>;
  leave(): void;
}

interface State {
  phase: string;
  /** What was said, in order; no line of ours with a credential, no reply to one. */
  readonly said: JsonObject[];
}

/** Refuses what must not be sent, before anything is. @throws SmtpRefused. */
export function checkLogin(call: Call, asked: SmtpParameters): void {
  const password = passwordOf(call);
  if ((asked.user === undefined) !== (password === undefined)) {
    const message = "`user` and a secret of kind `password` go together, or neither is given";
    throw new SmtpRefused({ code: "PARAMETERS_INVALID", phase: "prepare", message });
  }
  if (password !== undefined && asked.security === "none" && asked.cleartextPassword !== true)
    throw cleartext("a password does not go over an unprotected connection; use `tls` or `starttls`");
}

/** Connects through the guard, secures the connection and logs in. @throws SmtpRefused, EgressRefused, NetworkFault, ReplyMalformed. */
export async function openSession(call: Call, asked: SmtpParameters, state: State): Promise<SmtpSession> {
  const { host, security = "starttls", port = security === "tls" ? 465 : 587 } = asked;
  const password = passwordOf(call);
  const target = { host, port, signal: call.signal };
  state.phase = "connect";
  let connection: Connection =
    security === "tls" ? await call.network.connectTls(target) : await call.network.connect(target);
  if (security === "none" && password !== undefined && !isLoopback(connection.address)) {
    connection.stream.destroy();
    throw cleartext(`\`cleartextPassword\` is for the loopback range, and \`${host}\` is not in it`);
  }
  let session = converse(connection, state);
  state.phase = security === "starttls" ? "tls" : "login";
  session.must(await session.next("greeting"), 2, "greeting");
  const hello = `EHLO ${asked.clientName ?? "[127.0.0.1]"}`;
  let abilities = await session.demand(hello, 2);
  if (security === "starttls") {
    const offered = abilities.lines.some((line) => line.trim().toUpperCase() === "STARTTLS");
    const reply = offered ? await session.ask("STARTTLS") : undefined;
    if (reply?.code !== 220) {
      const message = offered
        ? `the server refused STARTTLS: ${reply?.code}`
        : "the server offers no STARTTLS";
      throw new SmtpRefused({ code: "STARTTLS_REFUSED", phase: "tls", message });
    }
    // Sent in clear text by whoever sits between, to be taken for an answer under TLS.
    if (session.release() > 0)
      throw new NetworkFault("STARTTLS_INJECTED", "tls", "the server sent on before the TLS handshake");
    connection = await call.network.upgradeTls(connection, target);
    session = converse(connection, state);
    state.phase = "login";
    abilities = await session.demand(hello, 2);
  }
  if (asked.user !== undefined && password !== undefined) {
    state.phase = "login";
    await logIn(session, abilities, asked.user, password);
  }
  return session;
}

/** AUTH PLAIN, or LOGIN where the server knows no other (RFC 4954). */
async function logIn(session: Conversation, { lines }: Reply, user: string, password: string): Promise<void> {
  const known = lines.flatMap((line) =>
    /^AUTH[ =]/i.test(line) ? line.slice(5).toUpperCase().split(/\s+/) : [],
  );
  const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
  if (known.includes("PLAIN")) {
    session.must(await session.secretly(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`, "AUTH"), 2, "AUTH");
  } else if (known.includes("LOGIN")) {
    for (const [line, hundred] of [
      ["AUTH LOGIN", 3],
      [base64(user), 3],
      [base64(password), 2],
    ] as const)
      session.must(await session.secretly(line, "AUTH"), hundred, "AUTH");
  } else {
    const message = "the server offers neither `AUTH PLAIN` nor `AUTH LOGIN`";
    throw new SmtpRefused({ code: "AUTH_UNSUPPORTED", phase: "login", message });
  }
}

interface Conversation extends SmtpSession {
  next(command: string, hidden?: boolean): Promise<Reply>;
  must(reply: Reply, hundred: 2 | 3, command: string): Reply;
  /** As `ask`, of a line with a credential: neither it nor the words of the reply are kept. */
  secretly(line: string, command: string): Promise<Reply>;
  /** Gives the stream back. @returns how many bytes had come that nobody asked for. */
  release(): number;
}

function converse({ stream }: Connection, state: State): Conversation {
  const replies = openReplyStream(stream);
  const write = (line: string): void => {
    if (/[\r\n]/.test(line)) throw new TypeError("a command of two lines");
    if (replies.unread() > 0) throw new ReplyMalformed("an answer to what nobody asked");
    stream.write(`${line}\r\n`);
  };
  const session: Conversation = {
    async next(command, hidden = false) {
      const { code, lines } = await replies.next();
      const reply = { code, lines: hidden ? [] : lines.map((line) => line.slice(0, 512)) };
      state.said.push({ command, reply: code, lines: [...reply.lines] });
      return reply;
    },
    must(reply, hundred, command) {
      if (Math.floor(reply.code / 100) !== hundred) throw refusedBy(reply, state.phase, command);
      return reply;
    },
    async ask(line) {
      if (line !== "") write(line);
      return session.next(line === "" ? "end of message" : line);
    },
    async demand(line, hundred) {
      return session.must(await session.ask(line), hundred, line === "" ? "end of message" : line);
    },
    async secretly(line, command) {
      write(line);
      return session.next(command, true);
    },
    send: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error) reject(new NetworkFault("ECONNRESET", "request", "the connection was lost", error));
          else resolve();
        });
      }),
    release() {
      const unread = replies.unread();
      replies.detach();
      return unread;
    },
    leave() {
      if (stream.writable) stream.end("QUIT\r\n");
      stream.destroy();
    },
  };
  return session;
}

/** A reply that is no success, as a fault. */
function refusedBy({ code, lines }: Reply, phase: string, command: string): SmtpRefused {
  const text = lines.join(" ").trim();
  const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(text)?.[1];
  const message = `the server answered ${code} to \`${command}\`${text === "" ? "" : `: ${text}`}`;
  const facts = { reply: code, command, ...(enhanced === undefined ? {} : { enhanced }) };
  return new SmtpRefused({ code: "SMTP_REPLY", phase, message: message.slice(0, 2000), facts });
}

function cleartext(message: string): SmtpRefused {
  return new SmtpRefused({ code: "CLEARTEXT_REFUSED", phase: "prepare", message });
}
