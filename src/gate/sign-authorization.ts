import { AUTHORIZATION_SUBJECTS, type AuthorizationPredicate } from "../contract/authorization-record.ts";
import type { Engagement } from "../contract/engagement.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { type Signer, signEnvelope } from "../format/signer.ts";
import { AUTHORIZATION_PREDICATE, STATEMENT_TYPE } from "../format/statement.ts";

/**
 * Signs an authorization record: the owner's signature over the digests that runs will pin (design section 1).
 *
 * @param digests of engagement, principals, policies and catalog lock, in this order.
 */
export function signAuthorization(
  signer: Signer,
  engagement: Engagement,
  digests: readonly [Digest, Digest, Digest, Digest],
  signedAt: string,
): Promise<Envelope> {
  const predicate: AuthorizationPredicate = {
    schema: "witnessops/authorization/v1",
    engagement: { id: engagement.id, version: engagement.version },
    principal: engagement.owner,
    signedAt,
    notAfter: engagement.window.notAfter,
  };
  const subject = AUTHORIZATION_SUBJECTS.map((name, i) => ({
    name,
    digest: { sha256: hexOf(digests[i] as Digest) },
  }));
  const statement = { _type: STATEMENT_TYPE, subject, predicateType: AUTHORIZATION_PREDICATE, predicate };
  return signEnvelope(signer, canonicalBytes(statement));
}
