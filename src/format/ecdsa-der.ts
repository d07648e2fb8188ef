/**
 * Reads an ECDSA signature (RFC 3279 section 2.2.3: SEQUENCE of two INTEGERs, in DER) as the two numbers side by
 * side, each `size` bytes big-endian, which is how Web Cryptography takes it (IEEE P1363).
 *
 * @returns undefined for whatever is not that: other lengths, negative or padded integers, bytes after the end.
 */
export function ecdsaPoint(der: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined {
  const sequence = readElement(der, 0, 0x30);
  if (sequence === undefined || sequence.end !== der.length) return undefined;
  const r = readElement(der, sequence.start, 0x02);
  const s = r && readElement(der, r.end, 0x02);
  if (r === undefined || s === undefined || s.end !== der.length) return undefined;
  const out = new Uint8Array(2 * size);
  for (const [index, { start, end }] of [r, s].entries()) {
    const first = der[start];
    const second = der[start + 1] ?? 0;
    if (first === undefined || end === start || first >= 0x80) return undefined;
    if (first === 0 && end - start > 1 && second < 0x80) return undefined;
    const digits = der.subarray(first === 0 ? start + 1 : start, end);
    if (digits.length > size) return undefined;
    out.set(digits, (index + 1) * size - digits.length);
  }
  return out;
}

/** The content of a definite-length element in its shortest form; these signatures are under 256 bytes. */
function readElement(der: Uint8Array, at: number, tag: number): { start: number; end: number } | undefined {
  const short = der[at + 1];
  if (der[at] !== tag || short === undefined) return undefined;
  const long = short === 0x81;
  const length = long ? der[at + 2] : short;
  if (length === undefined || short > 0x81 || short === 0x80 || (long && length < 0x80)) return undefined;
  const start = at + (long ? 3 : 2);
  return start + length > der.length ? undefined : { start, end: start + length };
}
