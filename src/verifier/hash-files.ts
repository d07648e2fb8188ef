import { countAgeRecipients, MAX_AGE_HEADER_BYTES } from "../format/age-header.ts";
import { FormatError } from "../format/coded-error.ts";
import { type Sha256, startSha256 } from "../format/crypto.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { isSafePath } from "../format/tar.ts";
import type { BundleSource } from "./bundle-source.ts";
import type { Failure } from "./layer.ts";
import type { Limits } from "./limits.ts";

/** A file of the bundle and what its bytes hash to. */
export interface HashedFile {
  readonly path: string;
  readonly size: number;
  readonly digest: Digest;
  /** To how many X25519 recipients it is encrypted, when it is an age file to such alone. */
  readonly ageRecipients?: number | undefined;
}

/** Hashes every file of a bundle, streaming. What cannot be read safely is a failure and left out. */
export async function hashFiles(
  source: BundleSource,
  limits: Limits,
): Promise<{ files: Map<string, HashedFile>; failures: Failure[]; readable: boolean }> {
  const files = new Map<string, HashedFile>();
  const failures: Failure[] = [];
  const fail = (message: string, path?: string): void => {
    failures.push({ code: "FAILURE_BUNDLE_MALFORMED", message, ...(path === undefined ? {} : { path }) });
  };
  let listed: Awaited<ReturnType<BundleSource["list"]>>;
  try {
    listed = await source.list();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    fail(error.message);
    return { files, failures, readable: false };
  }
  if (listed.length > limits.maxFiles) {
    fail(`there are more than ${limits.maxFiles} files`);
    return { files, failures, readable: false };
  }
  if (listed.reduce((total, { size }) => total + size, 0) > limits.maxBytes) {
    fail(`the files hold more than ${limits.maxBytes} bytes`);
    return { files, failures, readable: false };
  }
  const folded = new Set<string>();
  for (const { path, size } of listed) {
    if (!isSafePath(path)) fail("the path is not allowed in a bundle", path.slice(0, 300));
    else if (folded.has(path.toLowerCase())) fail("the path stands twice", path);
    else {
      folded.add(path.toLowerCase());
      const hashed = await hashFile(source, path, size);
      if (hashed === undefined) fail("the size changed while it was read", path);
      else files.set(path, hashed);
    }
  }
  return { files, failures, readable: true };
}

async function hashFile(source: BundleSource, path: string, size: number): Promise<HashedFile | undefined> {
  const head = new Uint8Array(path.startsWith("artifacts/") ? Math.min(size, MAX_AGE_HEADER_BYTES) : 0);
  let hash: Sha256 | undefined;
  let digest: Digest | undefined;
  let read = 0;
  for await (const chunk of source.read(path)) {
    if (read < head.length) head.set(chunk.subarray(0, head.length - read), read);
    // Most files come in one piece.
    if (read === 0 && chunk.length === size) digest = digestOf(chunk);
    else if (chunk.length > 0) {
      hash ??= startSha256();
      hash.update(chunk);
    }
    read += chunk.length;
    if (read > size) return undefined;
  }
  if (read !== size) return undefined;
  const ageRecipients = countAgeRecipients(head);
  digest ??= `sha256:${(hash ?? startSha256()).hex()}`;
  return { path, size, digest, ...(ageRecipients === undefined ? {} : { ageRecipients }) };
}
