import {
  AUTHORIZATION_SUBJECTS,
  type AuthorizationPredicate,
  authorizationPredicateSchema,
} from "../contract/authorization-record.ts";
import { checkSchema } from "../contract/check-schema.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { toHex } from "../format/base64.ts";
import { parseCanonicalJson } from "../format/canonical-json.ts";
import { verifySignature } from "../format/crypto.ts";
import { digestOf } from "../format/digest.ts";
import { type Envelope, IN_TOTO_PAYLOAD_TYPE, preAuthEncoding } from "../format/dsse.ts";
import { isJsonObject } from "../format/json.ts";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import { AUTHORIZATION_PREDICATE, STATEMENT_TYPE, type Statement } from "../format/statement.ts";
import { millisOf } from "../format/time.ts";

/** An authorization record whose structure was read; nothing is said yet about who signed it. */
export type AuthorizationStatement = Statement<AuthorizationPredicate>;

/** Reads the statement inside an authorization record, or says what is wrong with it. */
export function readAuthorization(
  envelope: Envelope,
): { ok: true; statement: AuthorizationStatement } | { ok: false; problem: string } {
  if (envelope.payloadType !== IN_TOTO_PAYLOAD_TYPE)
    return { ok: false, problem: "the payload type is not in-toto" };
  let value: unknown;
  try {
    value = parseCanonicalJson(envelope.payload);
  } catch {
    return { ok: false, problem: "the payload is not canonical JSON" };
  }
  if (
    !isJsonObject(value) ||
    value._type !== STATEMENT_TYPE ||
    value.predicateType !== AUTHORIZATION_PREDICATE
  ) {
    return { ok: false, problem: "the payload is not an authorization statement" };
  }
  if (checkSchema(authorizationPredicateSchema, value.predicate).length > 0) {
    return { ok: false, problem: "the predicate does not fit its schema" };
  }
  const names = Array.isArray(value.subject)
    ? value.subject.map((subject) => isJsonObject(subject) && subject.name)
    : [];
  if (names.join() !== AUTHORIZATION_SUBJECTS.join())
    return { ok: false, problem: "the subjects are not the four digests" };
  return { ok: true, statement: value as unknown as AuthorizationStatement };
}

/**
 * Checks an authorization record before a run is admitted: signed by the engagement's owner with a key the
 * host does not hold, over exactly these four digests, and not expired. The verifier checks the signer against
 * the reviewer's trust file instead of the workspace's own principals.
 *
 * @returns what is wrong, one line each; empty when it holds.
 */
export async function checkAuthorization(
  envelope: Envelope,
  facts: { engagement: Engagement; principals: PrincipalSet; digests: readonly string[]; now: string },
): Promise<string[]> {
  const read = readAuthorization(envelope);
  if (!read.ok) return [`the authorization record is malformed: ${read.problem}`];
  const { predicate, subject } = read.statement;
  const problems: string[] = [];
  for (const [i, name] of AUTHORIZATION_SUBJECTS.entries()) {
    if (`sha256:${subject[i]?.digest.sha256}` !== facts.digests[i]) {
      problems.push(`the owner authorized another version of \`${name}\`: authorize the engagement again`);
    }
  }
  const { id, version } = facts.engagement;
  if (predicate.engagement.id !== id || predicate.engagement.version !== version)
    problems.push("the authorization record is for another engagement, or another version of it");
  if (predicate.principal !== facts.engagement.owner)
    problems.push("the signer is not the engagement's owner");
  const { signedAt, notAfter } = predicate;
  if (!isWithin(facts.now, { notAfter })) problems.push(`the authorization expired at ${notAfter}`);
  else if (!isWithin(facts.now, { notBefore: signedAt })) {
    problems.push(`the authorization was signed at ${signedAt}, which this host's clock has not reached`);
  }
  if (!(await signedBy(envelope, facts, predicate.principal))) {
    problems.push(`the signature is not by a key that \`${predicate.principal}\` holds`);
  }
  return problems;
}

async function signedBy(
  envelope: Envelope,
  { principals, now }: { principals: PrincipalSet; now: string },
  id: string,
): Promise<boolean> {
  const signer = principals.principals.find((principal) => principal.id === id);
  if (signer === undefined || signer.type !== "human" || !signer.roles.includes("owner")) return false;
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  for (const key of signer.keys) {
    // A passkey decides on actions and signs nothing else.
    if (key.custody !== "held" || key.passkey !== undefined || !isWithin(now, key)) continue;
    if (await holds(key.publicKey, message, envelope.signature.sig)) return true;
  }
  return false;
}

const MAX_REMEMBERED = 256;
const remembered = new Set<string>();

/**
 * Whether the signature is by the key. Every run of an engagement starts from the same record: a signature that
 * held is not computed again for the same key and the same bytes. One that did not hold is never remembered.
 */
async function holds(publicKey: string, message: Uint8Array, sig: Uint8Array): Promise<boolean> {
  const id = `${publicKey} ${toHex(sig)} ${digestOf(message)}`;
  if (remembered.has(id)) return true;
  if (!(await verifySignature(keyOf(publicKey), message, sig))) return false;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.add(id);
  return true;
}

/** An unreadable key verifies nothing. */
function keyOf(text: string): Pick<PublicKey, "algorithm" | "spki"> {
  try {
    return parsePublicKey(text);
  } catch {
    return { algorithm: "ed25519", spki: new Uint8Array() };
  }
}

/** Whether the instant lies in the validity; a bound that cannot be read holds nothing. */
function isWithin(now: string, { notBefore, notAfter }: { notBefore?: string; notAfter?: string }): boolean {
  const at = millisOf(now) ?? Number.NaN;
  const from = notBefore === undefined ? at : (millisOf(notBefore) ?? Number.NaN);
  const until = notAfter === undefined ? at : (millisOf(notAfter) ?? Number.NaN);
  return from <= at && at <= until;
}
