import { certificatesOf } from "../contract/time-authority.ts";
import type { Trust } from "../contract/trust.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import { millisOf } from "../format/time.ts";
import type { X509Certificate } from "../format/x509.ts";

export type TrustedPrincipal = Trust["principals"][number];
interface Validity {
  readonly notBefore?: string;
  readonly notAfter?: string;
}
/** A plain key of a trusted principal: the kind that authorization records are signed with. */
export interface TrustedKey extends Validity {
  readonly key: PublicKey;
  readonly custody: "held" | "local";
}

/** A time stamping authority with its certificates read. */
export interface TrustedTimeAuthority extends Validity {
  readonly name: string;
  readonly certificates: readonly X509Certificate[];
}

/** The reviewer's trust, ready to be asked. Without a trust file nothing is in it. */
export interface Anchor {
  readonly given: boolean;
  readonly roots: readonly (Validity & { readonly name: string; readonly key: PublicKey })[];
  readonly require: ReadonlySet<"log" | "time">;
  readonly timeAuthorities: readonly TrustedTimeAuthority[];
  /** How many of them must have stamped. */
  readonly timeThreshold: number;
  readonly streams: NonNullable<Trust["streams"]>;
  pinned(digest: string): boolean;
  principal(id: string): (TrustedPrincipal & { readonly trustedKeys: readonly TrustedKey[] }) | undefined;
}

/** @throws FormatError when a key or certificate cannot be read; `parseTrust` has ruled that out. */
export function anchorOf(trust: Trust | undefined): Anchor {
  const principals = new Map(
    (trust?.principals ?? []).map((principal) => [
      principal.id,
      {
        ...principal,
        trustedKeys: principal.keys.flatMap((entry) => {
          const parsed = parsePrincipalKey(entry);
          return parsed.kind === "plain" ? [{ ...entry, key: parsed.key }] : [];
        }),
      },
    ]),
  );
  const pinned = new Set<string>(trust?.pinned);
  return {
    given: trust !== undefined,
    roots: (trust?.issuerRoots ?? []).map((root) => ({ ...root, key: parsePublicKey(root.publicKey) })),
    require: new Set(trust?.require),
    timeAuthorities: (trust?.timeAuthorities ?? []).map((authority) => ({
      ...authority,
      certificates: certificatesOf(authority),
    })),
    timeThreshold: trust?.timeThreshold ?? 1,
    streams: trust?.streams ?? {},
    pinned: (digest) => pinned.has(digest),
    principal: (id) => principals.get(id),
  };
}

/** Whether an instant lies within a validity; both ends included, an absent end is open. */
export function isValidAt(validity: Validity, utc: string): boolean {
  const at = millisOf(utc);
  if (at === undefined) return false;
  const from = validity.notBefore === undefined ? Number.NEGATIVE_INFINITY : millisOf(validity.notBefore);
  const to = validity.notAfter === undefined ? Number.POSITIVE_INFINITY : millisOf(validity.notAfter);
  return from !== undefined && to !== undefined && from <= at && at <= to;
}
