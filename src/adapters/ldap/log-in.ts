import type { Call, Fault } from "../../adapter/adapter.ts";
import { isLoopback } from "../../adapter/host-name.ts";
import { type Connection, NetworkFault } from "../../adapter/network.ts";
import { passwordOf } from "../../adapter/password.ts";
import { BerMalformed } from "./ber.ts";
import { bindDn } from "./bind-values.ts";
import { ANSWER, decodeResult, encodeMessage, type LdapResult, type Message } from "./ldap-message.ts";
import { bindRequest, startTlsRequest, unbindRequest } from "./ldap-request.ts";
import { type MessageStream, openMessageStream } from "./message-stream.ts";
import type { LdapParameters } from "./parameters.ts";
import { resultName } from "./result-codes.ts";

/** The server's answer was that it did not do it. */
export class LdapRefused extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.name = "LdapRefused";
    this.fault = fault;
  }
}

/** A connection whose user has logged in, if there is one. */
export interface Session {
  /** Sends one request. @returns its message id. */
  send(operation: Buffer, controls?: Buffer): number;
  /** The next message to that request. @throws BerMalformed for one to another, NetworkFault. */
  next(id: number): Promise<Message>;
  /** Tells the server, and closes. */
  leave(): void;
}

/** Refuses what must not be sent, before anything is. @throws LdapRefused. */
export function checkLogin(call: Call, asked: LdapParameters): void {
  const password = passwordOf(call);
  if ((asked.bindDn === undefined) !== (password === undefined)) {
    // A name without a password would be taken for nobody, and told so (RFC 4513 section 5.1.2).
    const message = "`bindDn` and a secret of kind `password` go together, or neither is given";
    throw new LdapRefused({ code: "PARAMETERS_INVALID", phase: "prepare", message });
  }
  if (password !== undefined && asked.security === "none" && asked.cleartextPassword !== true)
    throw cleartext("a password does not go over an unprotected connection; use `ldaps` or `starttls`");
}

/** Connects through the guard, secures the connection and logs in. @throws LdapRefused, EgressRefused, NetworkFault, BerMalformed. */
export async function logIn(call: Call, asked: LdapParameters, state: { phase: string }): Promise<Session> {
  const { host, security = "ldaps", port = security === "ldaps" ? 636 : 389, values = {} } = asked;
  const password = passwordOf(call);
  const name = asked.bindDn === undefined ? undefined : bindDn(asked.bindDn, values);
  const target = { host, port, signal: call.signal };
  let connection: Connection =
    security === "ldaps" ? await call.network.connectTls(target) : await call.network.connect(target);
  if (security === "none" && password !== undefined && !isLoopback(connection.address)) {
    connection.stream.destroy();
    throw cleartext(`\`cleartextPassword\` is for the loopback range, and \`${host}\` is not in it`);
  }
  let session = openSession(connection);
  if (security === "starttls") {
    state.phase = "tls";
    const id = session.send(startTlsRequest());
    const { tag, body } = await session.next(id);
    if (tag !== ANSWER.extended) throw new BerMalformed("the answer to StartTLS is none");
    const result = decodeResult(body);
    if (result.resultCode !== 0)
      throw new LdapRefused({ ...faultOfResult(result, "tls"), code: "STARTTLS_REFUSED" });
    if (session.messages.detach() > 0)
      throw new NetworkFault("STARTTLS_INJECTED", "tls", "the server sent on before the TLS handshake");
    connection = await call.network.upgradeTls(connection, target);
    session = openSession(connection);
  }
  if (name === undefined || password === undefined) return session;
  state.phase = "login";
  const { tag, body } = await session.next(session.send(bindRequest(name, password)));
  if (tag !== ANSWER.bind) throw new BerMalformed("the answer to the bind is none");
  const result = decodeResult(body);
  if (result.resultCode !== 0) throw new LdapRefused(faultOfResult(result, "login"));
  return session;
}

/** A result that is no success, as a fault. */
export function faultOfResult(result: LdapResult, phase: string): Fault {
  const { resultCode, diagnosticMessage, matchedDn, referrals } = result;
  const name = resultName(resultCode);
  const message = `the server answered ${resultCode} (${name})${diagnosticMessage === "" ? "" : `: ${diagnosticMessage}`}`;
  return {
    code: "LDAP_RESULT",
    phase,
    message: message.slice(0, 2000),
    facts: { resultCode, resultName: name, matchedDn, referrals: [...referrals] },
  };
}

function openSession({ stream }: Connection): Session & { readonly messages: MessageStream } {
  const messages = openMessageStream(stream);
  let last = 0;
  return {
    messages,
    send(operation, controls) {
      last += 1;
      stream.write(encodeMessage(last, operation, controls));
      return last;
    },
    async next(id) {
      const message = await messages.next();
      if (message.id === id) return message;
      if (message.id !== 0)
        throw new BerMalformed(`an answer to message ${message.id}, which nobody waits for`);
      // Section 4.4: the only message that comes unasked says that the server hangs up.
      const { resultCode } = decodeResult(message.body);
      throw new NetworkFault("ECONNRESET", "request", `the server hung up: ${resultName(resultCode)}`);
    },
    leave() {
      if (stream.writable) stream.end(encodeMessage(last + 1, unbindRequest()));
      stream.destroy();
    },
  };
}

function cleartext(message: string): LdapRefused {
  return new LdapRefused({ code: "CLEARTEXT_REFUSED", phase: "prepare", message });
}
