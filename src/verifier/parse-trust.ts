import { ContractError } from "../contract/contract-error.ts";
import { parseTrust as readTrust, trustFromJson } from "../contract/parse-trust.ts";
import type { Trust } from "../contract/trust.ts";
import { collectBytes } from "../format/byte-source.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { digestOf } from "../format/digest.ts";
import type { Json } from "../format/json.ts";
import type { BundleSource } from "./bundle-source.ts";
import { type HashedFile, hashFiles } from "./hash-files.ts";
import { defaultLimits } from "./limits.ts";
import { VerifierError } from "./verifier-error.ts";

/**
 * Reads a reviewer's trust file (`spec/trust.md`). One key for two principals, an unreadable key or a fault of
 * form is malformed input, never a verdict.
 *
 * @throws VerifierError `FAILURE_INPUT_MALFORMED` with every fault, `FAILURE_INPUT_UNSUPPORTED` for another version.
 */
export function parseTrust(text: string): Trust {
  return malformedOr(() => readTrust(text));
}

/** Checks a trust value that was built in memory by the rules of a trust file. @throws as `parseTrust`. */
export function checkTrust(trust: Trust): Trust {
  return malformedOr(() => trustFromJson(trust as unknown as Json));
}

/** A trust file is small; a larger file of a bundle is none. */
const MAX_TRUST_BYTES = 4 * 1024 ** 2;

/**
 * Refuses a trust file that is one of the bundle's own files, byte for byte or in another spelling of the same
 * JSON: trust comes from elsewhere. Callers that have
 * paths should also refuse a path inside the bundle's folder.
 *
 * @throws VerifierError `FAILURE_INPUT_MALFORMED`.
 */
export async function refuseTrustFromBundle(source: BundleSource, trustBytes: Uint8Array): Promise<void> {
  const digest = digestOf(trustBytes);
  const trust = canonicalTrust(trustBytes, readTrust);
  const { files } = await hashFiles(source, defaultLimits);
  for (const file of files.values()) {
    if (file.digest !== digest && (trust === undefined || (await trustIn(source, file)) !== trust)) continue;
    throw new VerifierError({
      code: "FAILURE_INPUT_MALFORMED",
      message: `the trust file is \`${file.path}\` of the bundle that it should judge`,
      hint: "use a trust file of your own: `witnessops trust new`",
    });
  }
}

async function trustIn(source: BundleSource, { path, size }: HashedFile): Promise<string | undefined> {
  if (size > MAX_TRUST_BYTES) return undefined;
  const bytes = await collectBytes(source.read(path), size);
  return canonicalTrust(bytes, (text) =>
    text.includes("Trust") ? trustFromJson(JSON.parse(text)) : undefined,
  );
}

/** A trust file as canonical JSON; undefined when the bytes are none. */
function canonicalTrust(bytes: Uint8Array, read: (text: string) => Trust | undefined): string | undefined {
  try {
    const trust = read(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return trust === undefined ? undefined : canonicalJson(trust);
  } catch {
    return undefined;
  }
}

function malformedOr(parse: () => Trust): Trust {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof ContractError)) throw cause;
    const later = cause.faults.some(({ path, code }) => path === "apiVersion" && code === "value");
    throw new VerifierError({
      code: later ? "FAILURE_INPUT_UNSUPPORTED" : "FAILURE_INPUT_MALFORMED",
      message: cause.message,
      hint: "make one with `witnessops trust new`",
      cause,
    });
  }
}
