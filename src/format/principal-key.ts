import { toHex } from "./base64.ts";
import { verifySignature } from "./crypto.ts";
import { type Envelope, preAuthEncoding } from "./dsse.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";
import { isSshKeyText, parseSshPublicKey, type SshPublicKey } from "./ssh-public-key.ts";
import { verifySshSignature } from "./sshsig.ts";
import { SSH_NAMESPACES } from "./statement.ts";

/** A key that a principal signs statements with: a plain one, or one of SSH. */
export type PrincipalKey =
  | { readonly kind: "plain"; readonly keyId: string; readonly key: PublicKey }
  | { readonly kind: "ssh"; readonly keyId: string; readonly key: SshPublicKey };

/**
 * Reads a principal's key as documents carry it: base64 of the SPKI, or `<type> <base64>` of SSH.
 *
 * @throws FormatError `KEY_MALFORMED`, `KEY_UNSUPPORTED`.
 */
export function parsePrincipalKey(text: string): PrincipalKey {
  if (isSshKeyText(text)) {
    const key = parseSshPublicKey(text);
    return { kind: "ssh", keyId: key.keyId, key };
  }
  const key = parsePublicKey(text);
  return { kind: "plain", keyId: key.keyId, key };
}

/** What makes two keys one, in whichever form each is written; undefined for a key that cannot be read. */
export function keyIdentity(text: string): string | undefined {
  try {
    return toHex(parsePrincipalKey(text).key.spki);
  } catch {
    return undefined;
  }
}

/**
 * Whether the key made an envelope's signature: DSSE over the pre-authentication bytes for a plain key, SSHSIG over
 * the payload in the namespace of its purpose for one of SSH (design section 6). Never throws.
 */
export async function signedByKey(key: PrincipalKey, envelope: Envelope): Promise<boolean> {
  const { payloadType, payload, signature } = envelope;
  if (key.kind === "plain")
    return verifySignature(key.key, preAuthEncoding(payloadType, payload), signature.sig);
  const namespace = SSH_NAMESPACES.get(payloadType);
  if (namespace === undefined) return false;
  return (await verifySshSignature(key.key, namespace, payload, signature.sig)).ok;
}
