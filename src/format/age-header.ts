/** First line of every age file (C2SP age, section "Header"). */
const FIRST_LINE = "age-encryption.org/v1\n";
/** Most bytes of a header that are looked at: twenty X25519 recipients and the end take under 2.5 KiB. */
export const MAX_AGE_HEADER_BYTES = 4096;

/**
 * How many X25519 recipients an age file is encrypted to, by its header. Whether they are who somebody says, only an
 * identity can tell.
 *
 * @param head the file's first bytes, `MAX_AGE_HEADER_BYTES` of them or the whole file.
 * @returns undefined when this is no binary age file to X25519 recipients alone.
 */
export function countAgeRecipients(head: Uint8Array): number | undefined {
  if (String.fromCharCode(...head.subarray(0, FIRST_LINE.length)) !== FIRST_LINE) return undefined;
  const text = String.fromCharCode(...head.subarray(0, MAX_AGE_HEADER_BYTES));
  // One stanza: the ephemeral share, 32 bytes, then the wrapped file key, 32 bytes, both in unpadded base64.
  const header =
    /^age-encryption\.org\/v1\n((?:-> X25519 [A-Za-z0-9+/]{43}\n[A-Za-z0-9+/]{43}\n)+)--- [A-Za-z0-9+/]{43}\n/;
  const stanzas = header.exec(text)?.[1];
  return stanzas === undefined ? undefined : stanzas.split("-> X25519 ").length - 1;
}
