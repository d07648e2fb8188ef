/** One line, or why there is none: `too-long`, `empty`, `unterminated`. */
export type Line = { readonly bytes: Uint8Array } | { readonly fault: "too-long" | "empty" | "unterminated" };

/** Splits a stream at line feeds. Every line must end with one; reading stops after a line that is too long. */
export async function* readLines(
  stream: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<Line> {
  let pending: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      length += end - start;
      if (length > maxLineBytes) return yield { fault: "too-long" };
      yield length === 0 ? { fault: "empty" } : { bytes: join(pending, chunk.subarray(start, end), length) };
      pending = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      pending.push(chunk.slice(start));
      length += chunk.length - start;
      if (length > maxLineBytes) return yield { fault: "too-long" };
    }
  }
  if (length > 0) yield { fault: "unterminated" };
}

function join(parts: readonly Uint8Array[], last: Uint8Array, length: number): Uint8Array {
  if (parts.length === 0) return last;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of [...parts, last]) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
