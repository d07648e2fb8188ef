import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import type { TreeHash } from "./merkle.ts";

/** The head of a transparency log: a size and the root over so many entries (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  /** Entries, at most 2^53 - 1. */
  readonly size: number;
  readonly root: TreeHash;
}

/** The text of a checkpoint, which is what its log and its witnesses sign: origin, size and root, a line each. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/**
 * Reads the text of a checkpoint. Exactly three lines: extension lines are refused, since nothing here could say what
 * they mean. A size has no leading zero.
 *
 * @throws FormatError `CHECKPOINT_MALFORMED`.
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = "", end, ...more] = text.split("\n");
  if (end !== "" || more.length > 0) throw malformed("it is not three lines");
  if (origin === "" || origin.length > 200) throw malformed("it names no origin");
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw malformed("its size is not a whole number without leading zeros");
  let hash: Uint8Array;
  try {
    hash = fromBase64(root);
  } catch (cause) {
    throw malformed("its root is not base64", cause);
  }
  if (hash.length !== 32) throw malformed("its root is not 32 bytes");
  return Object.freeze({ origin, size: Number(size), root: hash });
}

function malformed(why: string, cause?: unknown): FormatError {
  return new FormatError({ code: "CHECKPOINT_MALFORMED", message: `this is no checkpoint: ${why}`, cause });
}
