import { setTimeout as delay } from "node:timers/promises";
import { addCheckpointBytes } from "../../format/add-checkpoint.ts";
import { CodedError } from "../../format/coded-error.ts";
import { cosignatureTime } from "../../format/cosignature.ts";
import { type NoteKey, type NoteSignature, parseSignedNote } from "../../format/signed-note.ts";
import { type CosignRequest, LineageError, type Silence } from "../../ledger/witnesses.ts";
import type { Posted, Poster } from "./post-bytes.ts";

/** One witness of the workspace's list. */
export interface WitnessEndpoint {
  readonly key: NoteKey;
  /** Submission prefix: `add-checkpoint` is appended to it. */
  readonly url: string;
}

/** A cosignature that holds, or why there is none. */
export type Asked =
  | { readonly signature: NoteSignature }
  | { readonly why: Silence; readonly detail: string };

/** Most answers 409 that one asking follows, and most failures in a row. */
const MAX_CONFLICTS = 3;
const MAX_FAILURES = 5;
const FIRST_PAUSE_MS = 100;

/**
 * Asks one witness to cosign (C2SP tlog-witness, client).
 *
 * @param knownSize what it cosigned last as far as we know; 0 for nothing.
 * @throws LineageError when it cosigned another log than this.
 */
export async function askWitness(
  { key, url }: WitnessEndpoint,
  poster: Poster,
  request: CosignRequest,
  knownSize: number,
  signal: AbortSignal,
): Promise<Asked> {
  const { checkpoint, note } = request;
  // What the witness itself named is believed; what we remember of it may be old.
  let oldSize = Math.min(knownSize, checkpoint.size);
  let named = false;
  let failures = 0;
  for (let conflicts = 0; ; ) {
    const proof =
      oldSize === 0 || oldSize === checkpoint.size
        ? []
        : await request.consistencyProof(oldSize, checkpoint.size);
    let answer: Posted;
    try {
      answer = await poster.post(endpointOf(url), addCheckpointBytes(oldSize, proof, note), signal);
    } catch (error) {
      failures++;
      if (signal.aborted || failures >= MAX_FAILURES || !(await pause(failures, signal)))
        return { why: "down", detail: textOf(error) };
      continue;
    }
    switch (answer.status) {
      case 200:
        return (
          (await cosignatureIn(answer.body, key, note)) ?? {
            why: "wrong",
            detail: "its answer has no cosignature by the configured key that verifies",
          }
        );
      case 409: {
        const size = sizeIn(answer);
        if (size === undefined) return { why: "wrong", detail: "its answer 409 names no size" };
        if (size > checkpoint.size) {
          if (size > (await request.currentSize())) throw behind(key, size, checkpoint.size);
          return { why: "superseded", detail: `it cosigned ${size} already` };
        }
        if (size === oldSize && size === checkpoint.size) throw forked(key, size);
        // The size that was named is refused: another of our requests came between, or it is wrong.
        if (++conflicts > MAX_CONFLICTS) return { why: "wrong", detail: "it kept naming other sizes" };
        oldSize = size;
        named = size > 0;
        continue;
      }
      case 422:
        if (named) throw forked(key, oldSize);
        if (oldSize === 0) return { why: "wrong", detail: "it refused the first checkpoint it saw" };
        // Our memory of it may be of another record: ask what it knows.
        oldSize = 0;
        continue;
      default:
        failures++;
        if (!isPassing(answer.status)) return { why: "refused", detail: `it answered ${answer.status}` };
        if (failures >= MAX_FAILURES || !(await pause(failures, signal)))
          return { why: "down", detail: `it answered ${answer.status}` };
    }
  }
}

/** Waits longer after each failure; false when there is no more time. */
async function pause(failures: number, signal: AbortSignal): Promise<boolean> {
  const most = FIRST_PAUSE_MS * 2 ** (failures - 1);
  try {
    await delay(most / 2 + (Math.random() * most) / 2, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

function endpointOf(url: string): string {
  return `${url.replace(/\/+$/, "")}/add-checkpoint`;
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The one line of exactly this key that verifies over exactly this note's text; other lines are ignored. */
async function cosignatureIn(
  body: Uint8Array,
  key: NoteKey,
  note: Uint8Array,
): Promise<{ readonly signature: NoteSignature } | undefined> {
  const { text } = parseSignedNote(note);
  try {
    const head = new TextEncoder().encode(`${text}\n`);
    const { signatures } = parseSignedNote(new Uint8Array(Buffer.concat([head, body])));
    for (const signature of signatures)
      if ((await cosignatureTime(text, key, signature)) !== undefined) return { signature };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  return undefined;
}

function sizeIn({ mediaType, body }: Posted): number | undefined {
  if (mediaType !== "text/x.tlog.size" || body.length > 20) return undefined;
  const size = /^(0|[1-9][0-9]{0,15})\n$/.exec(Buffer.from(body).toString("latin1"))?.[1];
  return size !== undefined && Number.isSafeInteger(Number(size)) ? Number(size) : undefined;
}

function behind({ name }: NoteKey, theirs: number, ours: number): LineageError {
  return new LineageError({
    code: "LOG_RESTORED",
    witness: name,
    message: `witness \`${name}\` cosigned ${theirs} entries of this log, which has ${ours}: this workspace was restored from a copy, or another copy of it goes on`,
    hint: "bring the newest copy back and end the others; if it is lost, give `log.origin` a new name; if the witness is the one who is wrong, take it out of `log.witnesses`",
  });
}

function forked({ name }: NoteKey, size: number): LineageError {
  return new LineageError({
    code: "LOG_FORKED",
    witness: name,
    message: `witness \`${name}\` cosigned another history of this log at ${size} entries: what was logged has been changed, or this is an older copy that went on`,
    hint: "find out who changed it and keep both copies; bring the true one back, or give `log.origin` a new name; if the witness is the one who is wrong, take it out of `log.witnesses`",
  });
}

function textOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  return code === undefined ? message : `${message || "no connection"} (${code})`;
}
