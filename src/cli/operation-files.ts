import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Operation } from "../contract/openapi/operation.ts";
import { parseCanonicalJson } from "../format/canonical-json.ts";
import { type Digest, digestOf, hexOf } from "../format/digest.ts";

/** Where a pinned operation lies in a workspace, by its digest. */
function operationFile(root: string, digest: Digest): string {
  return join(root, "operations", `${hexOf(digest)}.json`);
}

/** Keeps an operation in the workspace. Its name is its digest, so that the same one again changes nothing. */
export function writeOperation(root: string, digest: Digest, bytes: Uint8Array): void {
  const path = operationFile(root, digest);
  if (existsSync(path) && digestOf(readFileSync(path)) === digest) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** An operation that a contract pins; undefined when it is not there, or not what its name says. */
export function readOperation(root: string, digest: Digest): Operation | undefined {
  const path = operationFile(root, digest);
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  return digestOf(bytes) === digest ? (parseCanonicalJson(bytes) as unknown as Operation) : undefined;
}
