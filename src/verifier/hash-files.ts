import { countAgeRecipients, MAX_AGE_HEADER_BYTES } from "../format/age-header.ts";
import { FormatError } from "../format/coded-error.ts";
import { startSha256 } from "../format/crypto.ts";
import type { Digest } from "../format/digest.ts";
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
  const hash = startSha256();
  const head = new Uint8Array(path.startsWith("artifacts/") ? Math.min(size, MAX_AGE_HEADER_BYTES) : 0);
  let read = 0;
  for await (const chunk of source.read(path)) {
    if (read < head.length) head.set(chunk.subarray(0, head.length - read), read);
    read += chunk.length;
    if (read > size) return undefined;
    hash.update(chunk);
  }
  if (read !== size) return undefined;
  const ageRecipients = countAgeRecipients(head);
  const digest: Digest = `sha256:${hash.hex()}`;
  return { path, size, digest, ...(ageRecipients === undefined ? {} : { ageRecipients }) };
}
