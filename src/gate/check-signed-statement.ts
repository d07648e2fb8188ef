import type { Static, TSchema } from "typebox";
import { checkSchema } from "../contract/check-schema.ts";
import type { Principal, PrincipalSet } from "../contract/principal.ts";
import { parseCanonicalJson } from "../format/canonical-json.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { type Envelope, preAuthEncoding } from "../format/dsse.ts";
import { keyIdentity, type PrincipalKey, parsePrincipalKey, signedByKey } from "../format/principal-key.ts";
import { millisOf } from "../format/time.ts";

/** Why a signed statement does not count. */
export type StatementRefusal =
  /** The envelope says it carries something else. */
  | "payload-type"
  /** Not canonical JSON, or not of the statement's schema. */
  | "payload-malformed"
  /** No principal, or more than one, has the id that the statement names. */
  | "principal-unknown"
  | "principal-not-human"
  /** The principal has no key by that id, and none that made the signature. */
  | "key-unknown"
  /** The key stands with several principals: it says nothing about which of them signed. */
  | "key-shared"
  /** The key was not in force at the time. */
  | "key-not-valid"
  /** The principal's key did not make this signature over these bytes. */
  | "signature-invalid";

export type SignedStatement<Statement> =
  | {
      readonly ok: true;
      readonly statement: Statement;
      readonly signer: Principal;
      readonly keyId: string;
      readonly custody: "held" | "local";
      /** Digest of the envelope's pre-authentication bytes. */
      readonly digest: Digest;
    }
  | { readonly ok: false; readonly reason: StatementRefusal };

/** Which statement is expected. Its schema must have a member `principal`. */
export interface StatementKind<Schema extends TSchema> {
  readonly payloadType: string;
  readonly schema: Schema;
  /** Whether only people may sign it. */
  readonly human: boolean;
}

/**
 * Checks a statement that a principal signed by itself: approval, resolution, conclusion (design section 6).
 *
 * The key id of the envelope is only a hint: the signature decides which of the named principal's keys made
 * it, be it a plain one or one of SSH. Refusals are values; nothing is thrown for bad input.
 *
 * @param principals the pinned principals: whose keys count.
 * @param at the time at which the key must be in force, UTC RFC 3339.
 */
export async function checkSignedStatement<Schema extends TSchema>(
  kind: StatementKind<Schema>,
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<SignedStatement<Static<Schema>>> {
  if (envelope.payloadType !== kind.payloadType) return refuse("payload-type");
  const statement = readPayload(kind.schema, envelope.payload);
  if (statement === undefined) return refuse("payload-malformed");

  const named = principals.principals.filter(({ id }) => id === statement.principal);
  const signer = named[0];
  if (signer === undefined || named.length > 1) return refuse("principal-unknown");
  if (kind.human && signer.type !== "human") return refuse("principal-not-human");

  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  const hinted = (key: PrincipalKey) => key.keyId === envelope.signature.keyId;
  const keys = keysOf(signer).sort((a, b) => Number(hinted(b.key)) - Number(hinted(a.key)));
  for (const { key, entry } of keys) {
    if (!(await signedByKey(key, envelope))) continue;
    if (isShared(entry.publicKey, principals)) return refuse("key-shared");
    if (!inForce(entry, at)) return refuse("key-not-valid");
    return Object.freeze({
      ok: true,
      statement: statement as Static<Schema>,
      signer,
      keyId: key.keyId,
      custody: entry.custody,
      digest: digestOf(message),
    });
  }
  return refuse(keys.some(({ key }) => hinted(key)) ? "signature-invalid" : "key-unknown");
}

type KeyEntry = Principal["keys"][number];

function refuse(reason: StatementRefusal): { ok: false; reason: StatementRefusal } {
  return Object.freeze({ ok: false, reason });
}

function readPayload(schema: TSchema, payload: Uint8Array): { readonly principal: unknown } | undefined {
  try {
    const value: unknown = parseCanonicalJson(payload);
    return checkSchema(schema, value).length === 0 ? (value as { readonly principal: unknown }) : undefined;
  } catch {
    return undefined;
  }
}

function keysOf(principal: Principal): { key: PrincipalKey; entry: KeyEntry }[] {
  const keys: { key: PrincipalKey; entry: KeyEntry }[] = [];
  for (const entry of principal.keys) {
    try {
      keys.push({ key: parsePrincipalKey(entry), entry });
    } catch {
      // A key that cannot be read made no signature.
    }
  }
  return keys;
}

function isShared(publicKey: string, principals: PrincipalSet): boolean {
  const identity = keyIdentity(publicKey);
  const holders = principals.principals.filter(({ keys }) =>
    keys.some((key) => keyIdentity(key.publicKey) === identity),
  );
  return holders.length > 1;
}

function inForce({ notBefore, notAfter }: KeyEntry, at: string): boolean {
  const now = millisOf(at);
  const from = notBefore === undefined ? Number.NEGATIVE_INFINITY : millisOf(notBefore);
  const to = notAfter === undefined ? Number.POSITIVE_INFINITY : millisOf(notAfter);
  return now !== undefined && from !== undefined && to !== undefined && from <= now && now <= to;
}
