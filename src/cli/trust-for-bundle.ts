import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { type BundleSource, refuseTrustFromBundle } from "../verifier/index.ts";
import { isInside } from "./bundle-folder.ts";
import { CliError, notFound } from "./cli-error.ts";

const MAX_TRUST_BYTES = 16 * 1024 * 1024;

/** Refuses a trust file that is one of the bundle's own files. @throws VerifierError `FAILURE_INPUT_MALFORMED`. */
export async function refuseOwnTrust(
  source: BundleSource,
  trustBytes: Uint8Array | undefined,
): Promise<void> {
  if (trustBytes !== undefined && (await canList(source))) await refuseTrustFromBundle(source, trustBytes);
}

/** What cannot be listed is for the verifier to report. */
async function canList(source: BundleSource): Promise<boolean> {
  try {
    await source.list();
    return true;
  } catch {
    return false;
  }
}

/** A trust file that came with what it should judge would let a bundle vouch for itself. */
export function readTrustBytes(bundle: string, path: string): Uint8Array {
  if (!existsSync(path))
    throw notFound(`there is no trust file at \`${path}\``, `witnessops trust new ${path}`);
  if (statSync(bundle).isDirectory() && isInside(realpathSync(bundle), realpathSync(path))) {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `the trust file \`${path}\` lies inside the bundle that it should judge`,
      hint: "use a trust file of your own: `witnessops trust new`",
    });
  }
  if (statSync(path).size > MAX_TRUST_BYTES) {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `the trust file \`${path}\` is larger than 16 MiB`,
    });
  }
  return readFileSync(path);
}
