import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type AddCheckpoint,
  MAX_ADD_CHECKPOINT_BYTES,
  parseAddCheckpoint,
} from "../format/add-checkpoint.ts";
import { type Checkpoint, parseCheckpoint } from "../format/checkpoint.ts";
import { CodedError } from "../format/coded-error.ts";
import { cosignText } from "../format/cosignature.ts";
import { isSignedBy, type NoteKey, signatureLine, signedNoteBytes } from "../format/signed-note.ts";
import type { Signer } from "../format/signer.ts";
import { decideCosignature, type WitnessRecord } from "../ledger/decide-cosignature.ts";
import { Pace } from "./pace.ts";

/** Whose checkpoints a witness cosigns, and with what. */
export interface Witness {
  readonly key: NoteKey;
  readonly signer: Signer;
  /** Keys of the logs it knows; the key's name is the log's origin. */
  readonly logs: readonly NoteKey[];
  readonly record: WitnessRecord;
  /** New checkpoints of one log within a minute. */
  readonly perMinute: number;
}

/** Something that a witness's operator should see. */
export type WitnessEvent =
  | { readonly kind: "cosigned"; readonly origin: string; readonly size: number }
  | { readonly kind: "fork"; readonly origin: string; readonly size: number }
  | { readonly kind: "inconsistent"; readonly origin: string; readonly size: number }
  | { readonly kind: "fault"; readonly message: string };

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

/** Most events of one kind and log that are told within a minute: whoever has a checkpoint may send it again and again. */
const EVENTS_PER_MINUTE = 5;
const PATH = "/add-checkpoint";
const PLAIN = "text/plain; charset=utf-8";
const SIZE = "text/x.tlog.size";

/** Serves `POST /add-checkpoint` (C2SP tlog-witness; `spec/witness.md`). Whoever may connect may ask. */
export function createWitnessServer(witness: Witness, onEvent: (event: WitnessEvent) => void): Server {
  const server = createServer({
    maxHeaderSize: 8192,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = 256;
  const pace = new Pace(witness.perMinute, 60_000);
  const told = new Pace(EVENTS_PER_MINUTE, 60_000);
  const tell = (event: WitnessEvent): void => {
    const now = performance.now();
    const name = "origin" in event ? `${event.kind} ${event.origin}` : event.kind;
    if (event.kind !== "cosigned" && !told.allows(name, now)) return;
    if (event.kind !== "cosigned") told.count(name, now);
    onEvent(event);
  };
  server.on("request", (request, response) => {
    take(witness, pace, request, tell)
      .catch((error: unknown) => {
        // The sender left, or the record cannot be written: nothing was signed either way.
        if (!request.destroyed || request.complete)
          tell({ kind: "fault", message: (error as Error).message });
        return refuse(500, "it could not be recorded: send it again");
      })
      .then((answer) => send(response, answer))
      .catch(() => response.destroy());
  });
  return server;
}

async function take(
  witness: Witness,
  pace: Pace,
  request: IncomingMessage,
  onEvent: (event: WitnessEvent) => void,
): Promise<Answer> {
  if (request.url !== PATH) return refuse(404, `there is nothing here: \`POST ${PATH}\``);
  if (request.method !== "POST") return refuse(405, "only `POST` is taken here");
  const body = await readBody(request);
  if (body === undefined) return refuse(413, `the body has more than ${MAX_ADD_CHECKPOINT_BYTES} bytes`);
  let asked: AddCheckpoint;
  let checkpoint: Checkpoint;
  try {
    asked = parseAddCheckpoint(body);
    checkpoint = parseCheckpoint(asked.note.text);
  } catch (error) {
    if (error instanceof CodedError) return refuse(400, error.message);
    throw error;
  }
  const { origin, size } = checkpoint;
  const keys = witness.logs.filter(({ name }) => name === origin);
  if (keys.length === 0) return refuse(404, "no log of that origin is known here");
  const signed = await Promise.all(keys.map((key) => isSignedBy(asked.note, key)));
  if (!signed.includes(true)) return refuse(403, "the checkpoint is not signed by its log's key");
  if (asked.oldSize > size) return refuse(400, "the old size is above the checkpoint's");
  if (!pace.allows(origin, performance.now())) return refuse(429, "too many checkpoints of this log");

  let grows = true;
  const decision = witness.record.decide(checkpoint, signedNoteBytes(asked.note), (last) => {
    grows = last?.size !== size;
    return decideCosignature(asked, checkpoint, last, Math.floor(Date.now() / 1000));
  });
  switch (decision.kind) {
    case "conflict":
      if (decision.fork) onEvent({ kind: "fork", origin, size });
      return { status: 409, text: `${decision.size}\n`, type: SIZE };
    case "inconsistent":
      onEvent({ kind: "inconsistent", origin, size });
      return refuse(422, "the proof does not show that the checkpoint continues the one cosigned last");
    case "clock-backwards":
      onEvent({
        kind: "fault",
        message: "the clock is behind the last cosignature: nothing is signed until it is not",
      });
      return refuse(503, "the clock of this witness is not right");
    case "cosign": {
      if (grows) pace.count(origin, performance.now());
      // It is recorded: only now may it be signed.
      const line = signatureLine(
        await cosignText(witness.signer, witness.key, asked.note.text, decision.time),
      );
      if (grows) onEvent({ kind: "cosigned", origin, size });
      return { status: 200, text: line };
    }
  }
}

/** The body; undefined when it is too large, and what is left of it is not read. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_ADD_CHECKPOINT_BYTES) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_ADD_CHECKPOINT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function refuse(status: number, message: string): Answer {
  return { status, text: `${message}\n` };
}

function send(response: ServerResponse, { status, text, type = PLAIN }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "x-content-type-options": "nosniff",
    ...(status === 429 || status === 503 ? { "retry-after": "10" } : {}),
    // Nothing of an oversize body is waited for.
    ...(status === 413 ? { connection: "close" } : {}),
  });
  response.end(text);
}
