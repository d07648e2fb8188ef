import type { PrincipalKey } from "./principal-key.ts";
import { publicKeyFromSpki } from "./public-key.ts";
import { sshPublicKeyOf } from "./ssh-public-key.ts";

/**
 * Every id that a key goes by: as a plain key and as one of SSH, whichever form it is written in. Who says that a key
 * was lost names it as they know it.
 */
export function keyIdsOf({ keyId, key }: PrincipalKey): ReadonlySet<string> {
  const ids = new Set([keyId]);
  if (key.spki.length > 91) return ids;
  try {
    const plain = publicKeyFromSpki(key.spki);
    ids.add(plain.keyId);
    ids.add(sshPublicKeyOf(plain).keyId);
  } catch {
    // Neither Ed25519 nor P-256: it has no plain form.
  }
  return ids;
}
