import { fromBase64, fromHex, toBase64, toHex } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import { sha256, verifySignature } from "./crypto.ts";
import { type PublicKey, publicKeyFromSpki } from "./public-key.ts";

/** Signature types of a note's keys (C2SP signed-note): Ed25519, and a witness's timestamped cosignature. */
export const noteKeyTypes = { ed25519: 0x01, cosignature: 0x04 } as const;
export type NoteKeyType = (typeof noteKeyTypes)[keyof typeof noteKeyTypes];

/** A key that notes are verified with, and the name that it signs under. */
export interface NoteKey {
  readonly name: string;
  readonly type: NoteKeyType;
  /** First four bytes of SHA-256 over name, line feed, type and key, as hex. */
  readonly id: string;
  readonly key: PublicKey;
}

/** One signature line: who says they signed, their key id as hex, and the bytes after the id. */
export interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A signed note: the text that was signed, with its last line feed, and the signatures. */
export interface SignedNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const MAX_NOTE_BYTES = 64 * 1024;
const MAX_SIGNATURES = 100;
const NAME = /^[^\s+\p{Cc}]{1,200}$/u;
const ED25519_SPKI = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/** The key under which somebody signs notes. @throws FormatError `KEY_UNSUPPORTED`, `NOTE_MALFORMED` for a bad name. */
export function noteKeyOf(name: string, key: PublicKey, type: NoteKeyType): NoteKey {
  if (key.algorithm !== "ed25519")
    throw new FormatError({ code: "KEY_UNSUPPORTED", message: "notes are signed with Ed25519 keys only" });
  if (!NAME.test(name))
    throw malformed(`\`${name.slice(0, 80)}\` cannot be a note's key name: no space and no \`+\``);
  const hashed = new Uint8Array([...new TextEncoder().encode(name), 0x0a, type, ...rawKey(key)]);
  return Object.freeze({ name, type, id: toHex(sha256(hashed).subarray(0, 4)), key });
}

/** A note's key as text: name, id and key, joined by `+` (C2SP signed-note, `vkey`). */
export function noteKeyText({ name, id, type, key }: NoteKey): string {
  return `${name}+${id}+${toBase64(new Uint8Array([type, ...rawKey(key)]))}`;
}

/** Reads a `vkey`. @throws FormatError `KEY_MALFORMED`, `KEY_UNSUPPORTED` for another type than the two. */
export function parseNoteKey(text: string): NoteKey {
  const [name = "", id = "", ...rest] = text.split("+");
  const encoded = rest.join("+");
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(encoded);
  } catch (cause) {
    throw notKey(text, cause);
  }
  const type = bytes[0];
  if (type === undefined) throw notKey(text);
  if (type !== noteKeyTypes.ed25519 && type !== noteKeyTypes.cosignature)
    throw new FormatError({
      code: "KEY_UNSUPPORTED",
      message: `the note key \`${name}\` is of type ${type}`,
    });
  if (!NAME.test(name) || bytes.length !== 33) throw notKey(text);
  const key = publicKeyFromSpki(new Uint8Array([...ED25519_SPKI, ...bytes.subarray(1)]));
  const read = noteKeyOf(name, key, type);
  if (read.id !== id) throw notKey(text);
  return read;
}

/**
 * Takes a signed note apart (C2SP signed-note). Text is UTF-8 without control characters but line feeds; then an empty
 * line and one to a hundred signature lines.
 *
 * @throws FormatError `NOTE_MALFORMED`, `TOO_LARGE`.
 */
export function parseSignedNote(bytes: Uint8Array): SignedNote {
  if (bytes.length > MAX_NOTE_BYTES)
    throw new FormatError({ code: "TOO_LARGE", message: "the note is larger than 64 KiB" });
  let whole: string;
  try {
    whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed("the note is not UTF-8", cause);
  }
  if (/[^\n\P{Cc}]/u.test(whole)) throw malformed("the note has a control character");
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n")) throw malformed("the note has no signatures");
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw malformed("the note has more than 100 signatures");
  return Object.freeze({ text: whole.slice(0, split + 1), signatures: lines.map(parseSignature) });
}

/** The note as bytes, its signatures in the order given. */
export function signedNoteBytes({ text, signatures }: SignedNote): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\n${signatures.map(signatureLine).join("")}`);
}

/** One signature as its line: an em dash, the name, and base64 of id and signature. */
export function signatureLine({ name, id, bytes }: NoteSignature): string {
  const tagged = new Uint8Array([...fromHex(id), ...bytes]);
  return `— ${name} ${toBase64(tagged)}\n`;
}

/**
 * Whether a note is signed by exactly this key: by name and id, with no line of theirs that fails. For keys of type
 * Ed25519; a cosignature signs other bytes than the text.
 */
export async function isSignedBy(note: SignedNote, key: NoteKey): Promise<boolean> {
  const theirs = note.signatures.filter(({ name, id }) => name === key.name && id === key.id);
  if (key.type !== noteKeyTypes.ed25519 || theirs.length !== 1) return false;
  return verifySignature(key.key, new TextEncoder().encode(note.text), (theirs[0] as NoteSignature).bytes);
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
  if (name === undefined || encoded === undefined || !NAME.test(name))
    throw malformed("a line of the note's signatures is not one");
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(encoded);
  } catch (cause) {
    throw malformed("a signature of the note is not base64", cause);
  }
  if (bytes.length < 5) throw malformed("a signature of the note is too short");
  return { name, id: toHex(bytes.subarray(0, 4)), bytes: bytes.subarray(4) };
}

function rawKey(key: PublicKey): Uint8Array {
  return key.spki.subarray(ED25519_SPKI.length);
}

function malformed(message: string, cause?: unknown): FormatError {
  return new FormatError({ code: "NOTE_MALFORMED", message, cause });
}

function notKey(text: string, cause?: unknown): FormatError {
  const hint = "a note key is `<name>+<8 hex digits>+<base64>`";
  return new FormatError({
    code: "KEY_MALFORMED",
    message: `\`${text.slice(0, 80)}\` is not a note key`,
    hint,
    cause,
  });
}
