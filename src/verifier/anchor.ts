import { certificatesOf } from "../contract/time-authority.ts";
import type { Trust } from "../contract/trust.ts";
import { fromBase64 } from "../format/base64.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import { type NoteKey, parseNoteKey } from "../format/signed-note.ts";
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

/** A log that the reviewer trusts, by exact name and key. */
export interface TrustedLog extends Validity {
  readonly key: NoteKey;
  /** A head that the reviewer has seen. */
  readonly checkpoint: { readonly size: number; readonly root: Uint8Array } | undefined;
}
/** A witness that the reviewer trusts; one whose key somebody else may have had is not counted. */
export interface TrustedWitness {
  readonly key: NoteKey;
  readonly compromised: boolean;
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
  /** Keys that the reviewer says may have been in other hands, and since when. */
  readonly compromised: NonNullable<Trust["compromised"]>;
  readonly logs: readonly TrustedLog[];
  readonly witnesses: readonly TrustedWitness[];
  /** How many distinct witnesses must have cosigned a checkpoint. */
  readonly witnessQuorum: number;
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
  const compromised = new Set(trust?.compromised?.map(({ keyId }) => keyId));
  const witnesses = (trust?.witnesses ?? []).map(({ key }) => parseNoteKey(key));
  const witnessQuorum = trust?.witnessQuorum ?? new Set(witnesses.map(({ name }) => name)).size;
  return {
    given: trust !== undefined,
    roots: (trust?.issuerRoots ?? []).map((root) => ({ ...root, key: parsePublicKey(root.publicKey) })),
    require: new Set([
      ...(trust?.require ?? []),
      ...(hasPin(trust) || witnessQuorum > 0 ? (["log"] as const) : []),
    ]),
    timeAuthorities: (trust?.timeAuthorities ?? []).map((authority) => ({
      ...authority,
      certificates: certificatesOf(authority),
    })),
    timeThreshold: trust?.timeThreshold ?? 1,
    streams: trust?.streams ?? {},
    compromised: trust?.compromised ?? [],
    logs: (trust?.logs ?? []).map(({ key, checkpoint, ...validity }) => ({
      ...validity,
      key: parseNoteKey(key),
      checkpoint: checkpoint && { size: checkpoint.size, root: fromBase64(checkpoint.root) },
    })),
    witnesses: witnesses.map((key) => ({ key, compromised: compromised.has(key.key.keyId) })),
    witnessQuorum,
    pinned: (digest) => pinned.has(digest),
    principal: (id) => principals.get(id),
  };
}

/** Who has seen a log's head wants to see that it goes on from there. */
function hasPin(trust: Trust | undefined): boolean {
  return trust?.logs?.some(({ checkpoint }) => checkpoint !== undefined) === true;
}

/** Whether an instant lies within a validity; both ends included, an absent end is open. */
export function isValidAt(validity: Validity, utc: string): boolean {
  const at = millisOf(utc);
  if (at === undefined) return false;
  const from = validity.notBefore === undefined ? Number.NEGATIVE_INFINITY : millisOf(validity.notBefore);
  const to = validity.notAfter === undefined ? Number.POSITIVE_INFINITY : millisOf(validity.notAfter);
  return from !== undefined && to !== undefined && from <= at && at <= to;
}
