/**
 * The part of BER (X.690) that LDAP uses: definite lengths, tags of one byte (RFC 4511 section 5.1). Reading is strict:
 * an element that reaches beyond what holds it is a fault, never a read that goes on elsewhere.
 */

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const OCTETS = 0x04;
export const ENUMERATED = 0x0a;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** What came over the connection is not what the protocol allows there. */
export class BerMalformed extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BerMalformed";
  }
}

export interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** One element; lengths in the shortest form. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Uint8Array.of(tag, length), content]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(length);
  const first = size.findIndex((byte) => byte !== 0);
  return Buffer.concat([Uint8Array.of(tag, 0x80 + 4 - first), size.subarray(first), content]);
}

/** A number that is not negative, of at most 31 bits. */
export function integer(value: number, tag = INTEGER): Buffer {
  const bytes = [value & 0xff];
  for (let rest = value >>> 8; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return element(tag, Uint8Array.from(bytes));
}

export function octets(value: Uint8Array | string, tag = OCTETS): Buffer {
  return element(tag, typeof value === "string" ? Buffer.from(value, "utf8") : value);
}

export function boolean(value: boolean, tag = BOOLEAN): Buffer {
  return element(tag, Uint8Array.of(value ? 0xff : 0));
}

/** Where the content of the element at the beginning lies; undefined while its length has not arrived. @throws BerMalformed. */
export function headOf(bytes: Uint8Array): { readonly start: number; readonly length: number } | undefined {
  const first = bytes[1];
  if (first === undefined) return undefined;
  if (first < 0x80) return { start: 2, length: first };
  const count = first - 0x80;
  if (count === 0) throw new BerMalformed("an indefinite length");
  if (count > 4) throw new BerMalformed(`a length of ${count} bytes`);
  if (bytes.length < 2 + count) return undefined;
  let length = 0;
  for (const byte of bytes.subarray(2, 2 + count)) length = length * 256 + byte;
  return { start: 2 + count, length };
}

/** Most elements of one message: an empty one takes two bytes on the wire and a hundred times that in memory. */
export const MAX_ELEMENTS = 100_000;

/**
 * All elements that the bytes consist of.
 *
 * @param most how many there may be.
 * @throws BerMalformed when they do not, or are more.
 */
export function readElements(bytes: Buffer, most = MAX_ELEMENTS): readonly Element[] {
  const found: Element[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const head = headOf(rest);
    const end = head === undefined ? 0 : head.start + head.length;
    if (head === undefined || end > rest.length)
      throw new BerMalformed("an element reaches beyond what holds it");
    if (found.length >= most) throw new BerMalformed(`a message of more than ${MAX_ELEMENTS} elements`);
    found.push({ tag: rest[0] ?? 0, content: rest.subarray(head.start, end) });
    rest = rest.subarray(end);
  }
  return found;
}

/** The content of an element that must be there with this tag. @throws BerMalformed. */
export function contentOf(found: Element | undefined, tag: number, what: string): Buffer {
  if (found?.tag !== tag) throw new BerMalformed(`no ${what} where one must be`);
  return found.content;
}

/** A number of at most 31 bits that is not negative. @throws BerMalformed. */
export function readNumber(content: Buffer, what: string): number {
  if (content.length < 1 || content.length > 5) throw new BerMalformed(`${what} of ${content.length} bytes`);
  const value = content.readIntBE(0, content.length);
  if (value < 0 || value > 0x7fff_ffff) throw new BerMalformed(`${what} out of range`);
  return value;
}
