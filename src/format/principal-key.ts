import { toHex } from "./base64.ts";
import { verifySignature } from "./crypto.ts";
import { type Envelope, preAuthEncoding } from "./dsse.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";
import { isSshKeyText, parseSshPublicKey, type SshPublicKey } from "./ssh-public-key.ts";
import { verifySshSignature } from "./sshsig.ts";
import { APPROVAL_PAYLOAD_TYPE, SSH_NAMESPACES } from "./statement.ts";
import { type Passkey, verifyAssertion, webauthnChallenge } from "./webauthn-assertion.ts";

/** A key that a principal signs statements with: a plain one, one of SSH, or a passkey. */
export type PrincipalKey =
  | { readonly kind: "plain"; readonly keyId: string; readonly key: PublicKey }
  | { readonly kind: "ssh"; readonly keyId: string; readonly key: SshPublicKey }
  | { readonly kind: "passkey"; readonly keyId: string; readonly key: PublicKey; readonly passkey: Passkey };

/** A key as principals and trust files list it. */
export interface KeyEntry {
  readonly publicKey: string;
  readonly passkey?: Omit<Passkey, "key">;
}

/**
 * Reads a principal's key as documents carry it: base64 of the SPKI, of a passkey where `passkey` says so, or
 * `<type> <base64>` of SSH.
 *
 * @throws FormatError `KEY_MALFORMED`, `KEY_UNSUPPORTED`.
 */
export function parsePrincipalKey({ publicKey, passkey }: KeyEntry): PrincipalKey {
  if (isSshKeyText(publicKey) && passkey === undefined) {
    const key = parseSshPublicKey(publicKey);
    return { kind: "ssh", keyId: key.keyId, key };
  }
  const key = parsePublicKey(publicKey);
  const { keyId } = key;
  return passkey === undefined
    ? { kind: "plain", keyId, key }
    : { kind: "passkey", keyId, key, passkey: { ...passkey, key } };
}

/** What makes two keys one, in whichever form each is written; undefined for a key that cannot be read. */
export function keyIdentity(text: string): string | undefined {
  try {
    return toHex(parsePrincipalKey({ publicKey: text }).key.spki);
  } catch {
    return undefined;
  }
}

/**
 * Whether the key made an envelope's signature: DSSE over the pre-authentication bytes for a plain key, SSHSIG over
 * the payload in the namespace of its purpose for one of SSH, and for a passkey an assertion over a challenge of the
 * payload, for decisions only: nothing that a passkey signs elsewhere is one (design section 6). Never throws.
 */
export async function signedByKey(key: PrincipalKey, envelope: Envelope): Promise<boolean> {
  const { payloadType, payload, signature } = envelope;
  if (key.kind === "plain")
    return verifySignature(key.key, preAuthEncoding(payloadType, payload), signature.sig);
  if (key.kind === "passkey") {
    if (payloadType !== APPROVAL_PAYLOAD_TYPE) return false;
    const challenge = webauthnChallenge(payloadType, payload);
    return (await verifyAssertion(key.passkey, challenge, signature.sig)).ok;
  }
  const namespace = SSH_NAMESPACES.get(payloadType);
  if (namespace === undefined) return false;
  return (await verifySshSignature(key.key, namespace, payload, signature.sig)).ok;
}
