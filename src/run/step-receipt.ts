import type { Artifact } from "../contract/artifact.ts";
import { GATE_RECORD } from "../contract/artifact.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import type { AttemptFact, Invocation, ReceiptEvent } from "../contract/receipt-predicate.ts";
import { recordExceptions } from "../contract/record-exceptions.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Subject } from "../format/statement.ts";
import type { Entry } from "./append-receipt.ts";
import type { GatedStep } from "./gate-step.ts";
import { contractParts, runParts, stepParts } from "./receipt-entry.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";

/** The decided call that a step receipt is about. */
export type DecidedCall = Pick<GatedStep, "record" | "contract" | "contractDigest">;

/** What a step receipt says beyond the gates: how the invocation stands and what was captured. */
export interface StepFacts {
  readonly outcome: Invocation["outcome"];
  readonly attempts: readonly AttemptFact[];
  readonly artifacts: readonly Artifact[];
  readonly errorClass?: string;
  readonly side?: AttemptFact["side"];
  readonly outputs?: Invocation["outputs"];
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** The entry of an event of one gated step, its gate record and artifacts as subjects. */
export function stepEntry(
  where: { state: RunState; step: StepState; invocation: InvocationState; origin: string; lab: boolean },
  event: ReceiptEvent,
  gated: DecidedCall,
  recordDigest: Digest,
  facts: StepFacts,
): Entry {
  const { state, step, invocation, origin, lab } = where;
  const { record, contract } = gated;
  const parts = runParts(state.document, origin, lab);
  const secrets = contract.execution.secrets ?? [];
  return {
    event,
    subject: [
      gateRecordSubject(record, recordDigest),
      ...facts.artifacts.map((artifact) => ({
        name: artifact.id,
        digest: { sha256: hexOf(artifact.digest as Digest) },
      })),
    ],
    predicate: {
      ...parts,
      exceptions: [...parts.exceptions, ...recordExceptions(record)],
      ...contractParts(contract, gated.contractDigest),
      ...stepParts(step, invocation),
      gates: record.gates.map(({ gate, decision, reason }) => ({ gate, decision, reason })),
      approvals: record.approvals.map(({ digest, principal, decision, keyId }) => ({
        digest,
        principal,
        decision,
        keyId,
      })),
      invocation: {
        id: invocation.id,
        actionDigest: record.actionDigest,
        ...(facts.attempts.length === 0 ? {} : { dispatchDigest: recordDigest }),
        attempts: [...facts.attempts],
        identity:
          secrets.length === 0
            ? { method: "none" }
            : { method: "secret-reference", secretRef: secrets.map((secret) => secret.ref) },
        adapter: { id: record.adapter.id, version: record.adapter.version },
        isolation: record.adapter.isolation,
        egress: record.adapter.egress,
        outcome: facts.outcome,
        ...(facts.errorClass === undefined ? {} : { errorClass: facts.errorClass }),
        ...(facts.side === undefined ? {} : { side: facts.side }),
        ...(facts.outputs === undefined ? {} : { outputs: facts.outputs }),
      },
      ...(facts.artifacts.length === 0 ? {} : { artifacts: [...facts.artifacts] }),
      ...(facts.detail === undefined ? {} : { detail: { ...facts.detail } }),
    },
  };
}

/** The subject that is a gate record. */
export function gateRecordSubject(record: GateRecord, digest: Digest): Subject {
  return {
    name: `${record.action.invocation}/${record.attempt}/${GATE_RECORD}`,
    digest: { sha256: hexOf(digest) },
  };
}
