import { readFileSync } from "node:fs";
import type { Trust } from "../contract/trust.ts";
import { toBase64 } from "../format/base64.ts";
import { type NoteKey, noteKeyText, noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";
import { readCheckpoint } from "../ledger/make-checkpoint.ts";
import { notFound, refused, usage } from "./cli-error.ts";

/**
 * Adds a log to a trust file, or pins a newer head of one that is in it.
 *
 * @param checkpoint file of a signed checkpoint that the reviewer has seen: it is pinned.
 * @throws CliError `USAGE`, `NOT_FOUND`, `REFUSED`; FormatError for a key that is none.
 */
export async function addLog(trust: Trust, text: string, checkpoint: string | undefined): Promise<Trust> {
  const key = parseNoteKey(text);
  if (key.type !== noteKeyTypes.ed25519)
    throw usage(
      `\`${key.name}\` is a witness's key, not a log's`,
      "name the log's own key: `witnessops log checkpoint`",
    );
  const known = trust.logs?.find((log) => log.key === noteKeyText(key));
  if (known !== undefined && checkpoint === undefined)
    throw refused(
      `the log \`${key.name}\` is in the trust file already`,
      "pin a head of it with `--checkpoint <file>`",
    );
  const pin = checkpoint === undefined ? undefined : await readPin(checkpoint, key);
  if (pin !== undefined && known?.checkpoint !== undefined && pin.size < known.checkpoint.size)
    throw refused(
      `the trust file pins ${known.checkpoint.size} entries of \`${key.name}\`, this checkpoint has ${pin.size}`,
      "pin a newer one: a log does not shrink",
    );
  const added = { ...known, key: noteKeyText(key), ...(pin === undefined ? {} : { checkpoint: pin }) };
  return { ...trust, logs: [...(trust.logs ?? []).filter((log) => log !== known), added] };
}

async function readPin(path: string, key: NoteKey): Promise<{ size: number; root: string }> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    throw notFound(
      `there is no checkpoint at \`${path}\``,
      "name a file that was fetched from where the log is published",
    );
  }
  const read = await readCheckpoint(bytes, key);
  if (read === undefined || read.size === 0)
    throw refused(
      `\`${path}\` is no checkpoint that the log \`${key.name}\` signed`,
      "compare the log's key with its holder",
    );
  return { size: read.size, root: toBase64(read.root) };
}
