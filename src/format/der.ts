import { concatBytes } from "./ssh-wire.ts";

/** Writes the few DER forms (X.690) that crypto libraries and time stamping authorities read. */

/** Any element of less than 64 KiB: identifier octet and content. */
export function derElement(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.from([tag, ...size]), content);
}

/** SEQUENCE of the parts. */
export function derSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return derElement(0x30, concatBytes(...parts));
}

/** INTEGER of unsigned big-endian bytes. */
export function derInteger(unsigned: Uint8Array): Uint8Array {
  const negative = (unsigned[0] ?? 0) >= 0x80;
  return derElement(0x02, negative ? concatBytes(Uint8Array.of(0), unsigned) : unsigned);
}

/** BIT STRING without unused bits. */
export function derBits(bytes: Uint8Array): Uint8Array {
  return derElement(0x03, concatBytes(Uint8Array.of(0), bytes));
}
