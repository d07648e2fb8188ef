import type { PrincipalSet } from "../contract/principal.ts";
import type { Envelope } from "../format/dsse.ts";
import { signEnvelope } from "../format/signer.ts";
import { SSH_NAMESPACES } from "../format/statement.ts";
import { openAgentKey } from "../infrastructure/ssh-agent/agent-key.ts";
import { usage } from "./cli-error.ts";
import { agentFingerprint, openSigner } from "./open-signer.ts";
import { checkHolder } from "./sign-as.ts";
import { openSshKey, type SshSigner } from "./ssh-keygen.ts";

/** Signs a statement's canonical bytes as what its payload type says it is. */
export type SignStatement = (payload: Uint8Array, payloadType: string) => Promise<Envelope>;

/**
 * What signs a person's statements: a key file of ours, a key that ssh-agent or a command holds, or their SSH key through
 * `ssh-keygen`, which asks ssh-agent and security keys itself; `agent:<fingerprint>` asks the agent directly.
 *
 * @param principals whose key it must be; undefined where nobody knows, on a machine without the workspace.
 * @throws CliError `USAGE`, `NOT_FOUND`, `REFUSED`; KeyFileError, SignerError.
 */
export async function statementSigner(
  { key, sshKey }: { readonly key: string | undefined; readonly sshKey: string | undefined },
  as: string,
  principals: PrincipalSet | undefined,
): Promise<SignStatement> {
  if ((key === undefined) === (sshKey === undefined))
    throw usage("a statement is signed with one key", "give either `--ssh-key <file>` or `--key <file>`");
  if (sshKey !== undefined) {
    const signer = await openSsh(sshKey);
    if (principals !== undefined) checkHolder(principals, as, signer.keyId, sshKey);
    return signer.sign;
  }
  const signer = await openSigner(key ?? "");
  if (principals !== undefined) checkHolder(principals, as, signer.publicKey.keyId, key ?? "");
  return (payload, payloadType) => signEnvelope(signer, payload, payloadType);
}

async function openSsh(path: string): Promise<SshSigner> {
  const fingerprint = agentFingerprint(path);
  if (fingerprint === undefined) return openSshKey(path);
  const held = await openAgentKey(fingerprint);
  const { keyId } = held.key;
  return {
    keyId,
    async sign(payload, payloadType) {
      const namespace = SSH_NAMESPACES.get(payloadType);
      if (namespace === undefined) throw new TypeError(`no SSH namespace for ${payloadType}`);
      return { payloadType, payload, signature: { keyId, sig: await held.signSsh(namespace, payload) } };
    },
  };
}
