import { FormatError } from "./coded-error.ts";
import { verifySignature } from "./crypto.ts";
import { type NoteKey, type NoteSignature, noteKeyTypes, type SignedNote } from "./signed-note.ts";
import type { Signer } from "./signer.ts";

/** Latest time of a cosignature that is believed, in seconds since the epoch: the end of the year 9999. */
export const MAX_COSIGNATURE_TIME = 253_402_300_799;

const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/**
 * A witness's signature over a checkpoint and the time (C2SP tlog-cosignature, Ed25519 `cosignature/v1`): as of then,
 * this was the largest tree of that log that the witness had seen.
 *
 * @param text of the checkpoint, with its last line feed.
 * @param time seconds since the epoch.
 * @throws FormatError `KEY_UNSUPPORTED` when the key is no cosignature key of the signer.
 */
export async function cosignText(
  signer: Signer,
  key: NoteKey,
  text: string,
  time: number,
): Promise<NoteSignature> {
  if (key.type !== noteKeyTypes.cosignature || key.key.keyId !== signer.publicKey.keyId)
    throw new FormatError({
      code: "KEY_UNSUPPORTED",
      message: `\`${key.name}\` is no cosignature key of this signer`,
    });
  if (!isTime(time)) throw new RangeError(`${time} is no time of a cosignature`);
  const signature = await signer.sign(signedBytes(text, time));
  const bytes = new Uint8Array(TIME_BYTES + signature.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(time));
  bytes.set(signature, TIME_BYTES);
  return { name: key.name, id: key.id, bytes };
}

/**
 * The time of a cosignature, in seconds since the epoch, when exactly this key made it over exactly this text;
 * undefined otherwise. Never throws.
 */
export async function cosignatureTime(
  text: string,
  key: NoteKey,
  { name, id, bytes }: NoteSignature,
): Promise<number | undefined> {
  if (key.type !== noteKeyTypes.cosignature || name !== key.name || id !== key.id) return undefined;
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const time = timeIn(bytes);
  if (!isTime(time)) return undefined;
  const holds = await verifySignature(key.key, signedBytes(text, time), bytes.subarray(TIME_BYTES));
  return holds ? time : undefined;
}

/** The times that a note's cosignatures claim, in seconds since the epoch; nothing is verified. @param origin of the log. */
export function claimedTimes({ signatures }: SignedNote, origin: string): number[] {
  return signatures
    .filter(({ name, bytes }) => name !== origin && bytes.length === TIME_BYTES + SIGNATURE_BYTES)
    .map(({ bytes }) => timeIn(bytes));
}

function timeIn(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, TIME_BYTES).getBigUint64(0));
}

function signedBytes(text: string, time: number): Uint8Array {
  return new TextEncoder().encode(`cosignature/v1\ntime ${time}\n${text}`);
}

function isTime(time: number): boolean {
  return Number.isSafeInteger(time) && time >= 0 && time <= MAX_COSIGNATURE_TIME;
}
