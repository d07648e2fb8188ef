const CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const PREFIX = "age";
/** Generator of the checksum (BIP 173). */
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/**
 * Whether a text is a native X25519 recipient of age, `age1…`: Bech32 (BIP 173) of 32 bytes with the prefix `age`,
 * lower case (C2SP age, section "The X25519 recipient type").
 */
export function isAgeRecipient(text: string): boolean {
  if (!/^age1[02-9ac-hj-np-z]{58}$/.test(text)) return false;
  const values = [...text.slice(PREFIX.length + 1)].map((digit) => CHARSET.indexOf(digit));
  const expanded = [...PREFIX].map((letter) => letter.charCodeAt(0));
  const high = expanded.map((code) => code >> 5);
  const low = expanded.map((code) => code & 31);
  if (checksum([...high, 0, ...low, ...values]) !== 1) return false;
  // 52 digits hold 260 bits: the four that are no byte's are zero.
  return ((values[51] ?? 1) & 0b1111) === 0;
}

function checksum(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, generator] of GENERATOR.entries()) if ((top >>> bit) & 1) sum ^= generator;
  }
  return sum >>> 0;
}
