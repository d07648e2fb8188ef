import Type, { type Static } from "typebox";
import { canonicalJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import type { Contract } from "./contract.ts";
import { invocationName } from "./invocation-name.ts";
import { type ReceiptPredicate, terminalEvents } from "./receipt-predicate.ts";
import type { Runbook } from "./runbook.ts";
import * as word from "./vocabulary.ts";

const { closed } = word;
const cited = { invocation: Type.String(), receipt: word.digest };

/**
 * What is handed to whom a failed step is escalated (design section 8, `spec/receipt.md`): what was observed and
 * decided so far, what is open, and what nobody knows. It follows from the receipts before it.
 */
export const escalationSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/escalation/v1"),
    run: Type.String({ maxLength: 64 }),
    invocation: Type.String(),
    to: word.text,
    objective: word.text,
    observed: Type.Array(
      Type.Object(
        {
          ...cited,
          contract: Type.Optional(word.reference),
          outcome: Type.Enum(["executed", "failed"]),
          errorClass: Type.Optional(Type.String()),
          side: Type.Optional(Type.Enum([...word.sides])),
          /** As the external system reported them; left out where they are larger than 4 KiB. */
          outputs: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
          artifacts: Type.Array(word.digest),
        },
        closed,
      ),
    ),
    decided: Type.Array(
      Type.Object(
        { ...cited, what: Type.String(), by: Type.Optional(word.id), why: Type.Array(Type.String()) },
        closed,
      ),
    ),
    openQuestions: Type.Array(Type.String()),
    /** Attempts of which nobody knows whether they happened. */
    doubt: Type.Array(Type.Object({ ...cited, attempt: Type.Integer({ minimum: 1 }) }, closed)),
  },
  closed,
);
export type Escalation = Static<typeof escalationSchema>;

/** A receipt of the run, as an escalation cites it. */
export interface EscalatedReceipt {
  readonly digest: Digest;
  readonly predicate: ReceiptPredicate;
}

/** To whom the failure of a step is escalated: whom its contract names, else the owner of the runbook. */
export function recipientOf(contract: Contract | undefined, runbook: Runbook): string {
  return contract?.failure.escalateTo ?? runbook.owner;
}

const MAX_OUTPUTS = 4096;
const terminal: ReadonlySet<string> = new Set(terminalEvents);

/** Collects the package of an escalation from the run's receipts so far. Pure: a verifier gets the same. */
export function buildEscalation(args: {
  readonly run: string;
  readonly invocation: string;
  readonly to: string;
  readonly objective: string;
  readonly receipts: readonly EscalatedReceipt[];
}): Escalation {
  const { run, invocation, to, objective, receipts } = args;
  const about = receipts.filter(({ predicate }) => predicate.step !== undefined);
  const named = about.map((one) => ({ ...one, invocation: invocationName(run, one.predicate.step) }));
  const open = new Map<string, (typeof named)[number]>();
  for (const one of named) {
    const { event } = one.predicate;
    if (event === "step-in-doubt" || event === "step-paused") open.set(one.invocation, one);
    else if (terminal.has(event) || event === "step-resolved") open.delete(one.invocation);
  }
  const left = [...open.values()];
  const doubt = left.filter(({ predicate }) => predicate.event === "step-in-doubt");
  return {
    schema: "witnessops/escalation/v1",
    run,
    invocation,
    to,
    objective,
    observed: named.flatMap((one) => observed(one)),
    decided: named.flatMap((one) => decided(one)),
    openQuestions: [
      `what is to be done about \`${invocation}\`, which did not succeed?`,
      ...left.map(({ invocation: id, predicate }) =>
        predicate.event === "step-paused"
          ? `may \`${id}\` be done? It waits for an approval`
          : `did \`${id}\` happen? Nobody knows`,
      ),
    ],
    doubt: doubt.map(({ invocation: id, digest, predicate }) => ({
      invocation: id,
      receipt: digest,
      attempt: Number(predicate.detail?.attempt ?? 1),
    })),
  };
}

type Named = EscalatedReceipt & { readonly invocation: string };

function observed({ invocation: id, digest, predicate }: Named): Escalation["observed"] {
  const { event, invocation, contract, artifacts } = predicate;
  if (event !== "step-executed" && event !== "step-failed") return [];
  const { outputs, errorClass, side } = invocation ?? {};
  const fits = outputs !== undefined && canonicalJson(outputs).length <= MAX_OUTPUTS;
  return [
    {
      invocation: id,
      receipt: digest,
      ...(contract === undefined ? {} : { contract: `${contract.id}@${contract.version}` }),
      outcome: event === "step-executed" ? "executed" : "failed",
      ...(errorClass === undefined ? {} : { errorClass }),
      ...(side === undefined ? {} : { side }),
      ...(fits ? { outputs } : {}),
      artifacts: (artifacts ?? []).map((artifact) => artifact.digest),
    },
  ];
}

function decided({ invocation: id, digest, predicate }: Named): Escalation["decided"] {
  const { event, approvals, gates, detail, actor } = predicate;
  const base = { invocation: id, receipt: digest };
  if (event === "approval-recorded")
    return (approvals ?? []).map(({ principal, decision }) => ({
      ...base,
      what: decision === "approve" ? "approved" : "rejected",
      by: principal,
      why: [],
    }));
  if (event === "step-resolved")
    return [{ ...base, what: `resolved: ${String(detail?.finding)}`, by: actor.principal, why: [] }];
  if (event !== "step-denied") return [];
  const refused = (gates ?? []).filter(({ decision }) => decision !== "allow");
  const why =
    refused.length > 0 ? refused.map(({ gate, reason }) => `${gate}: ${reason}`) : [String(detail?.reason)];
  return [{ ...base, what: "denied", why }];
}
