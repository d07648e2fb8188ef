import { existsSync, statSync } from "node:fs";
import { type BundleSource, parseTrust, type Report, tarBundle, verifyBundle } from "../verifier/index.ts";
import { fileSource, folderBundle } from "./bundle-folder.ts";
import { notFound } from "./cli-error.ts";
import { type Exit, exit } from "./exit.ts";
import { readTrustBytes, refuseOwnTrust } from "./trust-for-bundle.ts";

/** Exit codes of the verdicts. */
export const exitOf: Readonly<Record<Report["verdict"], Exit>> = {
  valid: exit.done,
  invalid: exit.refused,
  indeterminate: exit.waiting,
};

/**
 * Opens a bundle, a folder or a tar, verifies it, and uses it with what was found.
 *
 * @throws CliError `NOT_FOUND`, and `INPUT_MALFORMED` when the trust file is the bundle's own.
 */
export async function withVerified<T>(
  path: string,
  trustPath: string | undefined,
  use: (source: BundleSource, report: Report) => Promise<T>,
): Promise<T> {
  if (!existsSync(path)) throw notFound(`there is nothing at \`${path}\``, "name a bundle");
  const trustBytes = trustPath === undefined ? undefined : readTrustBytes(path, trustPath);
  const verify = async (source: BundleSource): Promise<T> => {
    await refuseOwnTrust(source, trustBytes);
    const trust = trustBytes === undefined ? undefined : parseTrust(new TextDecoder().decode(trustBytes));
    return use(source, await verifyBundle(source, trust));
  };
  if (statSync(path).isDirectory()) return verify(folderBundle(path));
  const file = fileSource(path);
  try {
    return await verify(tarBundle(file));
  } finally {
    file.close();
  }
}
