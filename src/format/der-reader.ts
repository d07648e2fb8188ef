import { FormatError } from "./coded-error.ts";

/** Identifier octets (X.690, 8.1.2) of the types that are read here. */
export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: what it holds, and all of its bytes. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

const MAX_LENGTH_OCTETS = 3;

/**
 * Reads elements of DER (X.690) one after another, strictly: one-octet identifiers, definite lengths in their shortest
 * form, shortest integers. It goes no deeper than its caller, so hostile nesting costs nothing.
 * Every method throws FormatError `DER_MALFORMED` when something else stands there.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next identifier octet; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** Whether the next element is of the type. */
  is(tag: number): boolean {
    return this.tag === tag;
  }

  /** The next element, of the type when one is named. */
  element(tag?: number): DerElement {
    const start = this.#at;
    const found = this.#octet();
    if (tag !== undefined && found !== tag) throw malformed("another type stands where one is expected");
    if ((found & 0x1f) === 0x1f) throw malformed("an identifier is longer than one octet");
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw malformed("the bytes end too early");
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag: found, content, whole: this.#bytes.subarray(start, this.#at) };
  }

  /** The next element when it is of the type, else undefined, and nothing is read. */
  optional(tag: number): DerElement | undefined {
    return this.tag === tag ? this.element(tag) : undefined;
  }

  /** Reads what is inside the next element. */
  inside(tag: number): DerReader {
    return new DerReader(this.element(tag).content);
  }

  /** As `inside`, when the next element is of the type. */
  optionalInside(tag: number): DerReader | undefined {
    const element = this.optional(tag);
    return element && new DerReader(element.content);
  }

  /** Every element up to the end, each read by `read`; at most `max` of them. */
  each<T>(max: number, read: (reader: DerReader) => T): T[] {
    const found: T[] = [];
    while (this.tag !== undefined) {
      if (found.length >= max) throw malformed(`there are more than ${max} of something`);
      found.push(read(this));
    }
    return found;
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.tag !== undefined) throw malformed("something stands after the end");
  }

  /** The content of an INTEGER: big-endian two's complement, as short as it can be. */
  integer(tag: number = derTags.integer): Uint8Array {
    const { content } = this.element(tag);
    const [first, second = 0] = content;
    const padded = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80);
    if (first === undefined || (content.length > 1 && padded))
      throw malformed("an integer is not as short as it can be");
    return content;
  }

  /** An INTEGER from 0 to 2^31 - 1. */
  count(tag: number = derTags.integer): number {
    const content = this.integer(tag);
    if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw malformed("a number is negative or too large");
    return content.reduce((sum, octet) => sum * 256 + octet, 0);
  }

  boolean(): boolean {
    const { content } = this.element(derTags.boolean);
    const [octet] = content;
    if (content.length !== 1 || (octet !== 0 && octet !== 0xff))
      throw malformed("a boolean is neither true nor false");
    return octet === 0xff;
  }

  /** An OBJECT IDENTIFIER as dotted numbers. */
  oid(): string {
    const { content } = this.element(derTags.oid);
    const arcs: number[] = [];
    let arc = 0;
    let begun = false;
    for (const octet of content) {
      if (!begun && octet === 0x80) throw malformed("an identifier is not as short as it can be");
      arc = arc * 128 + (octet & 0x7f);
      if (!Number.isSafeInteger(arc)) throw malformed("an identifier is too large");
      begun = (octet & 0x80) !== 0;
      if (begun) continue;
      if (arcs.length === 0)
        arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
      else arcs.push(arc);
      arc = 0;
    }
    if (begun || arcs.length === 0) throw malformed("an identifier ends too early");
    return arcs.join(".");
  }

  /** A BIT STRING: its bytes, and how many bits at their end do not count. */
  bits(): { readonly bytes: Uint8Array; readonly unused: number } {
    const { content } = this.element(derTags.bitString);
    const [unused = 8] = content;
    const bytes = content.subarray(1);
    const last = bytes.at(-1) ?? 0;
    if (unused > 7 || (bytes.length === 0 && unused > 0) || (last & ((1 << unused) - 1)) !== 0)
      throw malformed("a bit string is padded wrongly");
    return { bytes, unused };
  }

  /** A UTCTime (years 1950 to 2049) or GeneralizedTime, in UTC, in milliseconds since the epoch. */
  time(): number {
    const { tag, content } = this.element();
    const text = String.fromCharCode(...content.subarray(0, 40));
    if (content.length <= 40 && tag === derTags.utcTime && /^\d{12}Z$/.test(text))
      return instantOf(`${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}`);
    if (content.length <= 40 && tag === derTags.generalizedTime) return instantOf(text);
    throw malformed("a time is not one");
  }

  #octet(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw malformed("the bytes end too early");
    this.#at += 1;
    return octet;
  }

  #length(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > MAX_LENGTH_OCTETS) throw malformed("a length is indefinite or too large");
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.#octet();
    if (length < 0x80 || length < 2 ** (8 * (octets - 1)))
      throw malformed("a length is not as short as it can be");
    return length;
  }
}

const TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{0,8}[1-9]))?Z$/;

/** The instant of a GeneralizedTime of RFC 3161 (2.4.2); what is finer than a millisecond is rounded up. */
function instantOf(text: string): number {
  const [, year = "", month = "", day = "", hour = "", minute = "", second = "", fraction = ""] =
    TIME.exec(text) ?? [];
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const at = Date.parse(whole);
  // `Date` forgives the 31st of short months; only a real day survives the way back.
  if (Number.isNaN(at) || new Date(at).toISOString() !== whole) throw malformed("a time is not one");
  return at + Math.ceil(Number(`0.${fraction || "0"}`) * 1000);
}

function malformed(why: string): FormatError {
  return new FormatError({ code: "DER_MALFORMED", message: `the DER is malformed: ${why}` });
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}
