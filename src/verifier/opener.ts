/**
 * Opens sealed artifacts for a verifier, which itself knows no cipher.
 *
 * @param ciphertext an age file.
 * @returns the plaintext, salt first; undefined when none of its identities fits. What does not authenticate throws a
 *   CodedError with the code `SEALED_DAMAGED`, also while it is read.
 */
export type Opener = (
  ciphertext: AsyncIterable<Uint8Array>,
) => Promise<AsyncIterable<Uint8Array> | undefined>;
