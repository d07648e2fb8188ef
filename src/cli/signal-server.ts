import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { MAX_SIGNAL_BYTES, type Signal } from "../contract/signal.ts";
import { toBase64 } from "../format/base64.ts";
import type { Lane } from "../run/lane.ts";
import { recordSignal, type Signalled } from "../run/record-signal.ts";
import { RunError } from "../run/run-error.ts";

/** What a sender is answered. */
interface Answer {
  readonly status: number;
  readonly body: { readonly recorded?: string; readonly again?: boolean; readonly error?: string };
}

const PATH = /^\/runs\/([0-9a-z-]{1,64})\/signal$/;
const STATUS: Readonly<Record<Extract<Signalled, { recorded: false }>["reason"], number>> = {
  malformed: 400,
  "body-malformed": 400,
  "signature-invalid": 401,
  "not-recent": 401,
  "another-invocation": 409,
  "not-waiting": 409,
  "another-came-first": 409,
  "too-large": 413,
};

/**
 * Takes inbound webhooks (`POST /runs/<run>/signal`, Standard Webhooks) and records those that hold.
 *
 * @param onRecorded called once for each that was recorded, not for one that came again.
 */
export function createSignalServer(lane: Lane, onRecorded: (run: string) => void): Server {
  const server = createServer({ maxHeaderSize: 16_384, requestTimeout: 10_000, headersTimeout: 5_000 });
  server.maxConnections = 256;
  server.on("request", (request, response) => {
    take(lane, request, onRecorded)
      .catch(() => ({ status: 500, body: { error: "it could not be recorded: send it again" } }))
      .then((answer) => send(response, answer))
      .catch(() => response.destroy());
  });
  return server;
}

async function take(
  lane: Lane,
  request: IncomingMessage,
  onRecorded: (run: string) => void,
): Promise<Answer> {
  const run = PATH.exec(request.url ?? "")?.[1];
  if (run === undefined) return refuse(404, "there is nothing here: `POST /runs/<run>/signal`");
  if (request.method !== "POST") return refuse(405, "only `POST` is taken here");
  const body = await readBody(request);
  if (body === undefined) return refuse(413, `the body has more than ${MAX_SIGNAL_BYTES} bytes`);
  const header = (name: string): string => String(request.headers[name] ?? "");
  if (header("webhook-signature") === "") return refuse(401, "the webhook is not signed");
  const timestamp = /^[0-9]{1,12}$/.test(header("webhook-timestamp"))
    ? Number(header("webhook-timestamp"))
    : -1;
  const signal: Signal = {
    schema: "witnessops/signal/v1",
    id: header("webhook-id"),
    timestamp,
    signature: header("webhook-signature"),
    body: toBase64(body),
  };
  try {
    const result = await recordSignal(lane, run, signal);
    if (!result.recorded) return refuse(STATUS[result.reason], `the webhook is refused: ${result.reason}`);
    if (!result.again) onRecorded(run);
    return { status: result.again ? 200 : 202, body: { recorded: result.invocation, again: result.again } };
  } catch (error) {
    if (error instanceof RunError && error.code === "RUN_UNKNOWN") return refuse(404, error.message);
    throw error;
  }
}

/** The body; undefined when it is too large, and what is left of it is not read. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_SIGNAL_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refuse(status: number, error: string): Answer {
  return { status, body: { error } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "x-content-type-options": "nosniff",
    // Nothing of an oversize body is waited for.
    ...(status === 413 ? { connection: "close" } : {}),
  });
  response.end(text);
}
