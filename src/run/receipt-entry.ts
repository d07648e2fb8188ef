import type { Contract } from "../contract/contract.ts";
import {
  type ReceiptEvent,
  type ReceiptPredicate,
  VERIFICATION_SCOPE_TEXT,
} from "../contract/receipt-predicate.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Subject } from "../format/statement.ts";
import { detailSubject, type Entry } from "./append-receipt.ts";
import type { InvocationState, StepState } from "./run-state.ts";

type Parts = Partial<Entry["predicate"]>;

/** Entry of an event that belongs to a workspace or an engagement and not to a run. */
export function governanceEntry(args: {
  event: ReceiptEvent;
  actor: ReceiptPredicate["actor"];
  objective: string;
  requestId: string;
  subject?: readonly Subject[];
  detail: Readonly<Record<string, unknown>>;
  parts?: Parts;
}): Entry {
  return {
    event: args.event,
    subject: args.subject ?? detailSubject(args.detail),
    predicate: {
      actor: args.actor,
      intent: { objective: args.objective, requestId: args.requestId },
      verificationScope: { text: VERIFICATION_SCOPE_TEXT },
      exceptions: [],
      detail: args.detail,
      ...args.parts,
    },
  };
}

/** The parts that every receipt of a run shares: who asked for what, under which definitions. */
export function runParts(document: RunDocument, origin: string, lab: boolean): Entry["predicate"] {
  return {
    actor: { principal: document.requester, origin },
    intent: {
      objective: document.objective,
      ...(document.ticket === undefined ? {} : { ticket: document.ticket }),
      requestId: document.run,
    },
    run: document.run,
    runbook: document.runbook,
    engagement: document.engagement,
    authorization: document.authorization,
    verificationScope: { text: VERIFICATION_SCOPE_TEXT },
    exceptions: [...(lab ? (["lab"] as const) : []), ...(document.draft ? (["draft"] as const) : [])],
  };
}

/** The parts that every receipt of one step shares. */
export function stepParts(
  step: StepState,
  invocation: Pick<Partial<InvocationState>, "key" | "readBackOf"> | undefined,
): Pick<Entry["predicate"], "step"> {
  const key = invocation?.key;
  const readBack = invocation?.readBackOf?.n;
  return {
    step: {
      id: step.definition.id,
      ...(key === undefined ? {} : { key }),
      ...(readBack === undefined ? {} : { readBack }),
    },
  };
}

/** What a contract contributes to the receipts of its calls. */
export function contractParts(
  contract: Contract,
  digest: string,
): Pick<Entry["predicate"], "contract" | "boundary" | "verificationScope"> {
  const { external } = contract.boundary;
  return {
    contract: { id: contract.id, version: contract.version, digest },
    boundary: { external: Array.isArray(external) ? external : Object.values(external).flat() },
    verificationScope: {
      text: VERIFICATION_SCOPE_TEXT,
      attests: contract.attests,
      doesNotAttest: contract.doesNotAttest,
    },
  };
}
