import type { PrincipalSet } from "../contract/principal.ts";
import type { Envelope } from "../format/dsse.ts";
import { signEnvelope } from "../format/signer.ts";
import { openKeyFile } from "../store/key-file.ts";
import { usage } from "./cli-error.ts";
import { passphrase } from "./passphrase.ts";
import { checkHolder } from "./sign-as.ts";
import { openSshKey } from "./ssh-keygen.ts";

/** Signs a statement's canonical bytes as what its payload type says it is. */
export type SignStatement = (payload: Uint8Array, payloadType: string) => Promise<Envelope>;

/**
 * What signs a person's statements: a key file of ours, or their SSH key through `ssh-keygen`, which asks ssh-agent
 * and security keys itself.
 *
 * @param principals whose key it must be; undefined where nobody knows, on a machine without the workspace.
 * @throws CliError `USAGE`, `NOT_FOUND`, `REFUSED`; KeyFileError.
 */
export function statementSigner(
  { key, sshKey }: { readonly key: string | undefined; readonly sshKey: string | undefined },
  as: string,
  principals: PrincipalSet | undefined,
): SignStatement {
  if ((key === undefined) === (sshKey === undefined))
    throw usage("a statement is signed with one key", "give either `--ssh-key <file>` or `--key <file>`");
  if (sshKey !== undefined) {
    const signer = openSshKey(sshKey);
    if (principals !== undefined) checkHolder(principals, as, signer.keyId, sshKey);
    return signer.sign;
  }
  const signer = openKeyFile(key ?? "", { passphrase: passphrase() });
  if (principals !== undefined) checkHolder(principals, as, signer.publicKey.keyId, key ?? "");
  return (payload, payloadType) => signEnvelope(signer, payload, payloadType);
}
