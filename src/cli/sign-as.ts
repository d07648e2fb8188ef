import type { PrincipalSet } from "../contract/principal.ts";
import { parsePublicKey } from "../format/public-key.ts";
import type { Signer } from "../format/signer.ts";
import { openKeyFile } from "../store/key-file.ts";
import { notFound, refused } from "./cli-error.ts";
import { passphrase } from "./passphrase.ts";

/**
 * Opens a key file to sign with as a principal, and checks that the key is theirs: a signature that nobody will accept
 * is refused before it is made.
 *
 * @throws KeyFileError; CliError `NOT_FOUND`, `REFUSED`.
 */
export function signAs(path: string, id: string, { principals }: PrincipalSet): Signer {
  const principal = principals.find((one) => one.id === id);
  if (principal === undefined) throw notFound(`there is no principal \`${id}\``, "witnessops principal list");
  const signer = openKeyFile(path, { passphrase: passphrase() });
  const known = principal.keys.map(({ publicKey }) => parsePublicKey(publicKey).keyId);
  if (known.includes(signer.publicKey.keyId)) return signer;
  throw refused(
    `the key in \`${path}\` (${signer.publicKey.keyId}) is not a key of \`${id}\``,
    known.length === 0 ? `\`${id}\` has no key` : `keys of \`${id}\`: ${known.join(", ")}`,
  );
}
