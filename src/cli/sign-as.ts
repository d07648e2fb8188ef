import type { PrincipalSet } from "../contract/principal.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import type { Signer } from "../format/signer.ts";
import { notFound, refused } from "./cli-error.ts";
import { openSigner } from "./open-signer.ts";

/**
 * Opens a key to sign with as a principal, a file or held elsewhere, and checks that the key is theirs.
 *
 * @throws KeyFileError; CliError `NOT_FOUND`, `REFUSED`.
 */
export async function signAs(path: string, id: string, principals: PrincipalSet): Promise<Signer> {
  const signer = await openSigner(path);
  checkHolder(principals, id, signer.publicKey.keyId, path);
  return signer;
}

/**
 * Refuses a key that is not the principal's: a signature that nobody will accept is refused before it is made.
 *
 * @throws CliError `NOT_FOUND`, `REFUSED`.
 */
export function checkHolder({ principals }: PrincipalSet, id: string, keyId: string, path: string): void {
  const principal = principals.find((one) => one.id === id);
  if (principal === undefined) throw notFound(`there is no principal \`${id}\``, "witnessops principal list");
  const known = principal.keys.map((key) => parsePrincipalKey(key).keyId);
  if (known.includes(keyId)) return;
  throw refused(
    `the key in \`${path}\` (${keyId}) is not a key of \`${id}\``,
    known.length === 0 ? `\`${id}\` has no key` : `keys of \`${id}\`: ${known.join(", ")}`,
  );
}
