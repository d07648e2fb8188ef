import type { Engagement } from "../contract/engagement.ts";
import type { GateRecord, ProofFact } from "../contract/gate-record.ts";
import { millisOf } from "../format/time.ts";
import type { Again } from "./again.ts";
import type { Receipt } from "./read-receipts.ts";

/**
 * Checks the proofs of domain control that a gate record saw: each was receipted before in the engagement's stream, and
 * where the run that looked it up is in the bundle, it found the token that the pinned engagement names.
 *
 * @returns the proofs that hold; undefined when the record has none to have.
 */
export function checkRecordedProofs(
  { bundle, decisions, charge }: Again,
  { engagement }: { readonly engagement: Engagement },
  record: GateRecord,
  wrong: (message: string) => void,
): ProofFact[] | undefined {
  if (record.proofs === undefined) return undefined;
  charge(bundle.receipts.length);
  const stream = bundle.streams.get(`engagement:${engagement.id}`) ?? [];
  return record.proofs.filter((proof) => {
    const recorded = stream.find((receipt) => isProof(receipt, proof, record.decidedAt));
    if (recorded === undefined) {
      wrong(`no receipt before the call records the proof of \`${proof.authorization}\` that the gate saw`);
      return false;
    }
    const lookUp = bundle.receipts.find(({ digest }) => digest === proof.receipt);
    if (lookUp === undefined) {
      decisions.note(
        `that \`${proof.authorization}\` was proved is the host's word: the run that looked is not here`,
      );
      return true;
    }
    const found = foundToken(lookUp, engagement, proof);
    if (!found) wrong(`the look-up for \`${proof.authorization}\` did not find its token`);
    return found;
  });
}

function isProof({ predicate }: Receipt, proof: ProofFact, decidedAt: string): boolean {
  const { event, detail, time } = predicate;
  return (
    event === "domain-control-proved" &&
    detail?.authorization === proof.authorization &&
    detail.receipt === proof.receipt &&
    detail.expiresAt === proof.expiresAt &&
    (millisOf(time.claimedUtc) ?? 0) <= (millisOf(decidedAt) ?? 0)
  );
}

function foundToken({ predicate }: Receipt, { authorizations }: Engagement, proof: ProofFact): boolean {
  const challenge = authorizations.find(({ id }) => id === proof.authorization)?.challenge;
  const { event, contract, invocation } = predicate;
  const due = challenge?.method === "well-known" ? "http.control" : "dns.control";
  const values = invocation?.outputs?.values;
  const isLookUp = event === "step-executed" && contract?.id === due;
  return challenge !== undefined && isLookUp && Array.isArray(values) && values.includes(challenge.token);
}
