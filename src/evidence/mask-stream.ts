import { startMasker } from "./masking.ts";
import { needlesOf } from "./secret-forms.ts";

/**
 * Masks texts in a stream, in every spelling in which secrets are looked for.
 *
 * @throws EvidenceError `SECRET_TOO_SHORT`.
 */
export function maskStream(
  bytes: AsyncIterable<Uint8Array>,
  texts: readonly string[],
): { readonly bytes: AsyncIterable<Uint8Array>; masked(): number } {
  const masker = startMasker(needlesOf(texts));
  async function* masked(): AsyncIterable<Uint8Array> {
    for await (const chunk of bytes) yield masker.push(chunk);
    yield masker.end();
  }
  return { bytes: masked(), masked: () => masker.masked };
}
