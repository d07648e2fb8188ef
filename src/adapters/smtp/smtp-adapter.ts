import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { NetworkFault } from "../../adapter/network.ts";
import { untilAborted } from "../../adapter/until-aborted.ts";
import { writeArtifact } from "../../adapter/write-artifact.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { JsonObject } from "../../format/json.ts";
import { buildMessage, messageId } from "./build-message.ts";
import { parameters, type SmtpParameters } from "./parameters.ts";
import { ReplyMalformed } from "./reply-stream.ts";
import { checkLogin, openSession, SmtpRefused, type SmtpSession } from "./smtp-session.ts";

/**
 * Hands one message of plain text to a mail server (RFC 5321): to all recipients or to none. Until the dot that ends the
 * message nothing is sent (phase `message`); after it, only the server's reply says whether it took it (phase `response`).
 */
export const smtp: Adapter = {
  id: "smtp",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as SmtpParameters;
    const state = { phase: "prepare", said: [] as JsonObject[] };
    let session: SmtpSession | undefined;
    try {
      checkLogin(call, asked);
      const message = Buffer.from(buildMessage(asked, call.idempotencyKey, new Date()), "latin1");
      const options = { source: "smtp message", mediaType: "message/rfc822" };
      await writeArtifact(call.capture, "message", message, options);
      session = await untilAborted(call.signal, openSession(call, asked, state));
      const outcome = await untilAborted(call.signal, transfer(session, asked, message, state));
      if (!outcome.ok) return outcome;
      return {
        ok: true,
        result: { ...outcome.result, messageId: messageId(asked.from, call.idempotencyKey) },
      };
    } catch (error) {
      return { ok: false, fault: faultOfError(error, state.phase, call.signal) };
    } finally {
      session?.leave();
      await writeReplies(call, state.said);
    }
  },
};

async function transfer(
  session: SmtpSession,
  { from, to }: SmtpParameters,
  message: Buffer,
  state: { phase: string },
): Promise<AdapterOutcome> {
  state.phase = "envelope";
  await session.demand(`MAIL FROM:<${from}>`, 2);
  for (const recipient of to) await session.demand(`RCPT TO:<${recipient}>`, 2);
  await session.demand("DATA", 3);
  state.phase = "message";
  // Section 4.5.2. No line of ours begins with a dot; if one ever does, it must not end the message.
  await session.send(Buffer.from(message.toString("latin1").replaceAll(/^\./gm, ".."), "latin1"));
  state.phase = "response";
  await session.send(Buffer.from(".\r\n"));
  const { code, lines } = await session.demand("", 2);
  return { ok: true, result: { reply: code, lines: [...lines], recipients: [...to] } };
}

/** The conversation as far as it went, one exchange a line; on a failure too. */
async function writeReplies(call: Call, said: readonly JsonObject[]): Promise<void> {
  const text = said.map((one) => `${canonicalJson(one)}\n`).join("");
  const options = { source: "smtp replies", mediaType: "application/x-ndjson" };
  // What the attempt's end has closed takes no more.
  await writeArtifact(call.capture, "replies", Buffer.from(text), options).catch(() => undefined);
}

function faultOfError(error: unknown, phase: string, signal: AbortSignal): Fault {
  if (error instanceof SmtpRefused) return error.fault;
  if (error instanceof ReplyMalformed)
    return { code: "RESPONSE_MALFORMED", phase, message: `the server sent ${error.message}` };
  if (signal.aborted && !(error instanceof NetworkFault)) return abortedFault(signal, phase);
  if (error instanceof NetworkFault && error.phase === "request")
    return { code: error.code, phase, message: error.message };
  return faultOf(error, phase, signal);
}
