/**
 * Reads the wire encoding of SSH (RFC 4251, section 5). Every method throws `RangeError` when the bytes end too
 * early; callers turn that into a refusal.
 */
export class SshReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Exactly `length` bytes. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError("the bytes end too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.take(4);
    return a * 0x1000000 + b * 0x10000 + c * 0x100 + d;
  }

  /** A `string`: its length, then its bytes. */
  string(): Uint8Array {
    return this.take(this.uint32());
  }

  /** A `string` as text. A byte that is not UTF-8 throws `TypeError`. */
  text(): string {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.string());
  }

  /** A positive `mpint` as unsigned big-endian bytes, without the byte that keeps its sign. */
  positive(): Uint8Array {
    const bytes = this.string();
    const [first = 0, second = 0] = bytes;
    const padded = first === 0 && second >= 0x80;
    if (bytes.length === 0 || first >= 0x80 || (first === 0 && !padded))
      throw new RangeError("not a positive integer in its shortest form");
    return padded ? bytes.subarray(1) : bytes;
  }

  /** Throws unless everything was read: trailing bytes would be a second story. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError("trailing bytes");
  }
}

/** A `string` in SSH's wire encoding. */
export function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  const out = new Uint8Array(4 + bytes.length);
  new DataView(out.buffer).setUint32(0, bytes.length);
  out.set(bytes, 4);
  return out;
}

/** The parts one after the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
