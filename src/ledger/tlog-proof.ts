import { fromBase64, toBase64 } from "../format/base64.ts";
import { parseCheckpoint } from "../format/checkpoint.ts";
import { FormatError } from "../format/coded-error.ts";
import { leafHash, type TreeHash, verifyInclusion } from "../format/merkle.ts";
import { isSignedBy, type NoteKey, parseSignedNote } from "../format/signed-note.ts";

/** A proof that a log has an entry, to be checked offline (C2SP tlog-proof). */
export interface TlogProof {
  /** What its maker adds; not authentic. Ours is the entry itself. */
  readonly extra: Uint8Array | undefined;
  readonly index: number;
  readonly path: readonly TreeHash[];
  /** The signed checkpoint, as it was. */
  readonly checkpoint: Uint8Array;
}

const HEADER = "c2sp.org/tlog-proof@v1";
const MAX_BYTES = 256 * 1024;

/** The proof as text. */
export function tlogProofText({ extra, index, path, checkpoint }: TlogProof): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...path.map(toBase64),
    "",
  ];
  return `${lines.join("\n")}\n${new TextDecoder().decode(checkpoint)}`;
}

/** Reads a proof. Nothing in it is checked yet. @throws FormatError `PROOF_MALFORMED`. */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  if (bytes.length > MAX_BYTES) throw malformed("it is larger than 256 KiB");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed("it is not UTF-8", cause);
  }
  const split = text.indexOf("\n\n");
  if (split < 0) throw malformed("it has no checkpoint");
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== HEADER) throw malformed(`it does not begin with \`${HEADER}\``);
  const extra = lines[0]?.startsWith("extra ") ? decoded(lines.shift()?.slice("extra ".length)) : undefined;
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw malformed("it names no index");
  const path = lines.map(decoded);
  if (path.length > 63 || path.some((hash) => hash.length !== 32))
    throw malformed("its path is not hashes of 32 bytes");
  const checkpoint = new TextEncoder().encode(text.slice(split + 2));
  return Object.freeze({ extra, index: Number(index), path, checkpoint });
}

/**
 * Whether a proof shows that the log with this key has the entry: name, signature, path and root.
 *
 * @throws FormatError for a checkpoint that cannot be read.
 */
export async function verifyTlogProof(proof: TlogProof, entry: Uint8Array, key: NoteKey): Promise<boolean> {
  const note = parseSignedNote(proof.checkpoint);
  const { origin, size, root } = parseCheckpoint(note.text);
  if (origin !== key.name || !(await isSignedBy(note, key))) return false;
  return verifyInclusion(leafHash(entry), proof.index, size, proof.path, root);
}

function decoded(line = ""): Uint8Array {
  try {
    return fromBase64(line);
  } catch (cause) {
    throw malformed("a line of it is not base64", cause);
  }
}

function malformed(why: string, cause?: unknown): FormatError {
  return new FormatError({ code: "PROOF_MALFORMED", message: `this is no proof of a log: ${why}`, cause });
}
