import type { Trust } from "../contract/trust.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";

/** One key of a trust file with whom it speaks for. */
export interface TrustedKey {
  /** `issuer root ⟨name⟩`, or the principal's id. */
  readonly holder: string;
  readonly roles: readonly string[];
  readonly keyId: string;
  readonly custody: "held" | "local" | undefined;
}

/** Every key of a trust file, issuer roots first. @throws FormatError for a key that cannot be read. */
export function trustedKeys(trust: Trust): TrustedKey[] {
  const roots = trust.issuerRoots.map(({ name, publicKey }) => ({
    holder: `issuer root ${name}`,
    roles: [],
    keyId: parsePrincipalKey({ publicKey }).keyId,
    custody: undefined,
  }));
  const people = trust.principals.flatMap(({ id, roles, keys }) =>
    keys.map(({ publicKey, custody }) => ({
      holder: id,
      roles,
      keyId: parsePrincipalKey({ publicKey }).keyId,
      custody,
    })),
  );
  return [...roots, ...people];
}
