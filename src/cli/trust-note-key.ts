import { readFileSync, statSync } from "node:fs";
import type { Trust } from "../contract/trust.ts";
import { toBase64 } from "../format/base64.ts";
import { parseCheckpoint } from "../format/checkpoint.ts";
import {
  isSignedBy,
  type NoteKey,
  noteKeyText,
  noteKeyTypes,
  parseNoteKey,
  parseSignedNote,
} from "../format/signed-note.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { trustedKeys } from "./trusted-keys.ts";

/** What `trust add` was given about logs and witnesses. */
export interface NoteKeyOptions {
  readonly log?: string | undefined;
  readonly checkpoint?: string | undefined;
  readonly witness?: string | undefined;
  readonly quorum?: string | undefined;
}

/**
 * Adds a log or a witness to a trust file, or changes how many witnesses must have cosigned.
 *
 * @returns the fingerprint of the key that was added; null when none was.
 * @throws CliError; FormatError for a note key or a checkpoint that is none.
 */
export async function addNoteKey(
  before: Trust,
  { log, checkpoint, witness, quorum }: NoteKeyOptions,
): Promise<{ trust: Trust; added: string | null }> {
  if (log !== undefined && witness !== undefined) throw usage("add a log and a witness one after the other");
  if (checkpoint !== undefined && log === undefined) throw usage("`--checkpoint` goes with `--log`");
  if (quorum !== undefined && log !== undefined) throw usage("`--quorum` is about witnesses");
  const witnessQuorum = quorum === undefined ? {} : { witnessQuorum: countOf(quorum) };
  if (log !== undefined) {
    const key = parseNoteKey(log);
    if (key.type !== noteKeyTypes.ed25519)
      throw usage(`\`${key.name}\` has the key of a witness`, "add it with `--witness`");
    const known = before.logs?.find((one) => one.key === noteKeyText(key));
    if (known !== undefined && checkpoint === undefined)
      throw refused(
        `the log \`${key.name}\` is in the trust file already`,
        "pin a head of it with `--checkpoint <file>`",
      );
    // A log that goes on under a new origin has the key of the one before.
    if (known === undefined) refuseKnown({ ...before, logs: [] }, key);
    const pin = checkpoint === undefined ? undefined : await seen(checkpoint, key);
    if (pin !== undefined && pin.size < (known?.checkpoint?.size ?? 0))
      throw refused(
        `the trust file has seen \`${key.name}\` at ${known?.checkpoint?.size}, this checkpoint has ${pin.size}`,
        "a log does not shrink: fetch its newest checkpoint",
      );
    const entry = {
      ...(known ?? { key: noteKeyText(key) }),
      ...(pin === undefined ? {} : { checkpoint: pin }),
    };
    const others = (before.logs ?? []).filter((one) => one !== known);
    return {
      trust: { ...before, logs: [...others, entry] },
      added: known === undefined ? key.key.keyId : null,
    };
  }
  if (witness === undefined) return { trust: { ...before, ...witnessQuorum }, added: null };
  const key = parseNoteKey(witness);
  if (key.type !== noteKeyTypes.cosignature)
    throw usage(`\`${key.name}\` has no key of a witness`, "add a log with `--log`");
  refuseKnown(before, key);
  const witnesses = [...(before.witnesses ?? []), { key: noteKeyText(key) }];
  return { trust: { ...before, ...witnessQuorum, witnesses }, added: key.key.keyId };
}

/** The head that a checkpoint file shows, signed by its log. */
async function seen(path: string, key: NoteKey): Promise<{ size: number; root: string }> {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw notFound(`there is no file \`${path}\``, "fetch the log's `checkpoint`");
  if (!status.isFile() || status.size > 64 * 1024) throw refused(`\`${path}\` is no checkpoint`);
  const note = parseSignedNote(readFileSync(path));
  const { origin, size, root } = parseCheckpoint(note.text);
  if (origin !== key.name || !(await isSignedBy(note, key)))
    throw refused(
      `\`${path}\` is no checkpoint that the log \`${key.name}\` signed`,
      "compare its key with its operator",
    );
  if (size === 0)
    throw refused(`\`${path}\` is the checkpoint of an empty log`, "there is nothing to hold it to yet");
  return { size, root: toBase64(root) };
}

function refuseKnown(trust: Trust, key: NoteKey): void {
  const known = trustedKeys(trust).find(({ keyId }) => keyId === key.key.keyId);
  if (known === undefined) return;
  throw refused(
    `the key ${key.key.keyId} already stands for \`${known.holder}\``,
    "one key speaks for one holder: ask for another key",
  );
}

function countOf(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text)) throw usage(`\`${text}\` is no number of witnesses`, "give a whole number");
  return Number(text);
}
