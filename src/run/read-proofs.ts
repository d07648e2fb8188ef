import type { Engagement } from "../contract/engagement.ts";
import type { ProofFact } from "../contract/gate-record.ts";
import type { Store } from "./store.ts";

/** Where the newest proof of an authorization is kept. */
export function proofSubject(engagement: string, authorization: string): string {
  return `domain-control:${engagement}/${authorization}`;
}

/** The proofs of domain control of an engagement; undefined when it has no such authorization. */
export function readProofs(
  store: Pick<Store, "status">,
  { id, authorizations }: Engagement,
): ProofFact[] | undefined {
  const asked = authorizations.filter(({ kind }) => kind === "domain-control");
  if (asked.length === 0) return undefined;
  return asked.flatMap((authorization) => {
    const [receipt, expiresAt] = (store.status(proofSubject(id, authorization.id)) ?? "").split(" ");
    return receipt === undefined || expiresAt === undefined
      ? []
      : [{ authorization: authorization.id, receipt, expiresAt }];
  });
}
