import { connect } from "node:net";
import { concatBytes, sshString } from "../../format/ssh-wire.ts";
import { SignerError } from "../signer-error.ts";

/** How an agent is reached. */
export interface AgentOptions {
  /** Path of its socket; default `SSH_AUTH_SOCK`. */
  readonly socket?: string | undefined;
  /** Milliseconds for one request; default 60,000: the agent may ask a person. */
  readonly timeout?: number;
}

const MAX_ANSWER = 256 * 1024;

/**
 * Sends one message to ssh-agent and reads its answer (draft-ietf-sshm-ssh-agent, section 3): each is a length and that
 * many bytes. One connection for each request: an agent that was restarted in between is no trouble.
 *
 * @throws SignerError `AGENT_ABSENT`, `AGENT_FAILED`.
 */
export function askAgent(
  message: Uint8Array,
  { socket = process.env.SSH_AUTH_SOCK, timeout = 60_000 }: AgentOptions = {},
): Promise<Uint8Array> {
  if (socket === undefined || socket === "")
    throw new SignerError({
      code: "AGENT_ABSENT",
      message: "no ssh-agent is known: `SSH_AUTH_SOCK` is not set",
      hint: "eval $(ssh-agent) && ssh-add",
    });
  return new Promise((resolve, reject) => {
    let received = new Uint8Array(0);
    let connected = false;
    const connection = connect(socket);
    const timer = setTimeout(() => end(failed(`did not answer within ${timeout} ms`)), timeout);
    const end = (result: Uint8Array | SignerError): void => {
      clearTimeout(timer);
      connection.destroy();
      if (result instanceof SignerError) reject(result);
      else resolve(result);
    };
    connection.on("connect", () => {
      connected = true;
      connection.write(sshString(message));
    });
    connection.on("data", (chunk: Buffer) => {
      received = concatBytes(received, chunk);
      if (received.length < 4) return;
      const length = new DataView(received.buffer, received.byteOffset).getUint32(0);
      if (length === 0 || length > MAX_ANSWER) return end(failed(`announced ${length} bytes`));
      if (received.length > 4 + length) return end(failed("said more than it announced"));
      if (received.length === 4 + length) end(received.subarray(4));
    });
    connection.on("error", (cause) => end(connected ? failed("broke off", cause) : absent(socket, cause)));
    connection.on("close", () => end(failed("broke off")));
  });
}

function absent(socket: string, cause: Error): SignerError {
  return new SignerError({
    code: "AGENT_ABSENT",
    message: `no ssh-agent answers at \`${socket}\``,
    hint: "eval $(ssh-agent) && ssh-add",
    cause,
  });
}

function failed(what: string, cause?: unknown): SignerError {
  return new SignerError({ code: "AGENT_FAILED", message: `ssh-agent ${what}`, hint: "ssh-add -l", cause });
}
