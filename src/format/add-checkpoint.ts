import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import type { TreeHash } from "./merkle.ts";
import { parseSignedNote, type SignedNote } from "./signed-note.ts";

/** What a log asks a witness: to cosign a checkpoint that continues the one which the witness knows (C2SP tlog-witness). */
export interface AddCheckpoint {
  /** Size of the checkpoint that the witness cosigned last; 0 for none. */
  readonly oldSize: number;
  /** Consistency proof from there (RFC 6962 section 2.1.2). */
  readonly proof: readonly TreeHash[];
  readonly note: SignedNote;
}

/** Most proof lines of a request: a tree of 2^63 entries needs no more. */
export const MAX_PROOF_LINES = 63;
/** Bytes of a request: the largest note, the proof, and the first line. */
export const MAX_ADD_CHECKPOINT_BYTES = 64 * 1024 + MAX_PROOF_LINES * 45 + 32;

/** The body of a request to a witness. @param note bytes of the signed checkpoint. */
export function addCheckpointBytes(
  oldSize: number,
  proof: readonly TreeHash[],
  note: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(
    `old ${oldSize}\n${proof.map((hash) => `${toBase64(hash)}\n`).join("")}\n`,
  );
  const bytes = new Uint8Array(head.length + note.length);
  bytes.set(head);
  bytes.set(note, head.length);
  return bytes;
}

/**
 * Takes the body of a request apart. Its note is not looked into.
 *
 * @throws FormatError `REQUEST_MALFORMED`, or as `parseSignedNote`.
 */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint {
  if (bytes.length > MAX_ADD_CHECKPOINT_BYTES)
    throw new FormatError({
      code: "TOO_LARGE",
      message: `the request has more than ${MAX_ADD_CHECKPOINT_BYTES} bytes`,
    });
  const lines: string[] = [];
  let at = 0;
  // An empty line ends the proof; one line more than may be there is enough to see that there are too many.
  for (let end = bytes.indexOf(LINE_FEED); end !== at; end = bytes.indexOf(LINE_FEED, at)) {
    if (end < 0 || end - at > 64 || lines.length > MAX_PROOF_LINES)
      throw malformed("its first lines are not an old size, a proof of at most 63 hashes, and an empty line");
    lines.push(String.fromCharCode(...bytes.subarray(at, end)));
    at = end + 1;
  }
  const [first = "", ...proof] = lines;
  const size = /^old (0|[1-9][0-9]{0,15})$/.exec(first)?.[1];
  if (size === undefined || !Number.isSafeInteger(Number(size)))
    throw malformed("its first line is not `old` and a whole number without leading zeros");
  return Object.freeze({
    oldSize: Number(size),
    proof: proof.map(parseHash),
    note: parseSignedNote(bytes.subarray(at + 1)),
  });
}

const LINE_FEED = 0x0a;

function parseHash(line: string): TreeHash {
  let hash: Uint8Array;
  try {
    hash = fromBase64(line);
  } catch (cause) {
    throw malformed("a line of its proof is not base64", cause);
  }
  if (hash.length !== 32) throw malformed("a hash of its proof is not 32 bytes");
  return hash;
}

function malformed(why: string, cause?: unknown): FormatError {
  return new FormatError({
    code: "REQUEST_MALFORMED",
    message: `this is no request to a witness: ${why}`,
    cause,
  });
}
