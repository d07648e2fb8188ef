import { type Digest, digestOfJson } from "../format/digest.ts";

/**
 * The digest of a contract, runbook, engagement, catalog lock, principal set or policy set: SHA-256 over the
 * canonical JSON (RFC 8785) of the parsed document as it was authored; defaults are not filled in, so that
 * the digest does not depend on the version of this program.
 */
export function digestOfDocument(document: { readonly apiVersion: string; readonly kind: string }): Digest {
  const known = digests.get(document);
  if (known !== undefined) return known;
  const digest = digestOfJson(document);
  // Only what cannot change any more may be remembered.
  if (Object.isFrozen(document)) digests.set(document, digest);
  return digest;
}

const digests = new WeakMap<object, Digest>();
