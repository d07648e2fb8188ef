import type { Trust } from "../contract/trust.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import { parseNoteKey } from "../format/signed-note.ts";

/** One key of a trust file with whom it speaks for. */
export interface TrustedKey {
  /** `issuer root ⟨name⟩`, the principal's id, `log ⟨origin⟩` or `witness ⟨name⟩`. */
  readonly holder: string;
  readonly roles: readonly string[];
  readonly keyId: string;
  readonly custody: "held" | "local" | undefined;
}

/** Every key of a trust file: issuer roots, principals, logs, witnesses. @throws FormatError for a key that cannot be read. */
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
  return [...roots, ...people, ...noteKeys("log", trust.logs), ...noteKeys("witness", trust.witnesses)];
}

function noteKeys(what: "log" | "witness", entries: readonly { readonly key: string }[] = []): TrustedKey[] {
  return entries.map(({ key }) => {
    const read = parseNoteKey(key);
    return { holder: `${what} ${read.name}`, roles: [], keyId: read.key.keyId, custody: undefined };
  });
}
