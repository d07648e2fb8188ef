import type { Pause } from "../contract/paused-at.ts";
import type { ReadBackFinding } from "../contract/read-back.ts";
import type { ReceiptEvent } from "../contract/receipt-predicate.ts";
import { releases } from "../contract/signed-statements.ts";
import type { Json, JsonObject } from "../format/json.ts";
import type { GateFacts } from "../gate/facts.ts";
import { gateRecordDigest } from "./gate-record-binding.ts";
import type { Receipt } from "./read-receipts.ts";

/** One invocation as the receipts so far leave it. */
export interface Invoked {
  readonly key?: string;
  readonly element?: Json;
  phase: string;
  outputs?: JsonObject;
  /** Claimed time of the newest receipt about it, else of when it came to be. */
  lastAt: string;
  /** For which action it last paused, and the gate record of it. */
  paused?: { readonly actionDigest: string; readonly record: string | undefined };
  /** Every time it paused, in order. */
  readonly pauses: Pause[];
  /** Digests of approval envelopes recorded for it, with the host's time. */
  readonly approvals: { readonly digest: string; readonly at: string }[];
  /** Digest of a person's word, recorded for it, that they act without approval; and of its receipt. */
  breakGlass?: { readonly digest: string; readonly receipt: string };
  /** Digests of answers and webhooks recorded for it, with the host's time. */
  readonly given: { readonly what: "answer" | "signal"; readonly digest: string; readonly at: string }[];
  /** Attempts with a signed dispatch, each with its gate record. */
  readonly dispatched: Map<number, string | undefined>;
  /** The newest attempt that a receipt names, and its action. */
  attempt?: { readonly n: number; readonly actionDigest: string };
  /** Attempts that a person said did not happen. */
  readonly settled: Set<number>;
  /** A person's word on how it ended. */
  resolution?: { readonly digest: unknown; readonly finding: unknown };
  /** What is in doubt: the gate record of the attempt, and when it started. */
  doubt?: { readonly record: string | undefined; readonly startedAt: string };
  /** Calls that read back what became of it, in order. */
  readonly readBacks: Invoked[];
  /** On a read-back: whose doubt it is to settle. */
  readonly readBackOf?: Invoked;
  /** How a read-back settled the doubt: its receipt, and what it found. */
  confirmed?: { readonly receipt: string; readonly finding: ReadBackFinding };
  /** A failure or denial that a person released; or by which they ended the run. */
  released: boolean;
  handedOver: boolean;
  /** A receipt says to whom it was escalated. */
  escalated: boolean;
  /** Gate records that were decided again, in the context of the receipt that first carried them, with their facts. */
  readonly decided: Map<string, GateFacts | undefined>;
}

/** What an event makes of an invocation. */
export const phaseOfEvent: Readonly<Partial<Record<ReceiptEvent, string>>> = {
  "step-executed": "executed",
  "step-failed": "failed",
  "step-denied": "denied",
  "step-skipped": "skipped",
  "step-cancelled": "cancelled",
  "step-paused": "paused",
  "step-dispatched": "dispatched",
  "step-in-doubt": "in-doubt",
};

/** An invocation that nothing happened to yet. @param since when it came to be. */
export function newInvoked(since: string, each?: { key: string; element: Json }): Invoked {
  return {
    ...each,
    phase: "pending",
    lastAt: since,
    pauses: [],
    approvals: [],
    given: [],
    dispatched: new Map(),
    settled: new Set(),
    readBacks: [],
    released: false,
    handedOver: false,
    escalated: false,
    decided: new Map(),
  };
}

/** Takes one more receipt about it into account. */
export function takeReceipt(found: Invoked, receipt: Receipt): void {
  const { predicate } = receipt;
  const { event, detail, time, invocation } = predicate;
  found.phase = phaseOfEvent[event] ?? found.phase;
  found.lastAt = time.claimedUtc;
  if (invocation?.outputs !== undefined) found.outputs = invocation.outputs as JsonObject;
  const n = event === "step-dispatched" ? Number(detail?.attempt) : invocation?.attempts.at(-1)?.n;
  if (n !== undefined && invocation !== undefined) {
    found.attempt = { n, actionDigest: invocation.actionDigest };
  }
  if (event === "step-paused" && invocation !== undefined) {
    const { actionDigest } = invocation;
    found.paused = { actionDigest, record: gateRecordDigest(receipt) };
    found.pauses.push({ actionDigest, gate: predicate.gates?.at(-1)?.gate ?? "", at: time.claimedUtc });
  }
  if (event === "approval-recorded") {
    found.approvals.push({ digest: String(detail?.approval), at: time.claimedUtc });
  }
  if (event === "break-glass-recorded")
    found.breakGlass = { digest: String(detail?.breakGlass), receipt: receipt.digest };
  if (event === "answer-recorded")
    found.given.push({ what: "answer", digest: String(detail?.answer), at: time.claimedUtc });
  if (event === "signal-recorded")
    found.given.push({ what: "signal", digest: String(detail?.signal), at: time.claimedUtc });
  if (event === "step-dispatched") found.dispatched.set(Number(detail?.attempt), gateRecordDigest(receipt));
  if (event === "step-resolved") settle(found, detail ?? {});
  if (event === "step-escalated") found.escalated = true;
  if (event === "step-in-doubt") {
    const startedAt = invocation?.attempts.at(-1)?.startedAt ?? time.claimedUtc;
    found.doubt = { record: gateRecordDigest(receipt), startedAt };
  }
}

function settle(found: Invoked, detail: { readonly [member: string]: unknown }): void {
  const { finding, resolution } = detail;
  if (releases.has(finding)) {
    found.released = true;
    found.handedOver = finding === "hand-over";
  } else if (finding === "retry") {
    found.phase = "pending";
    found.settled.add(Number(detail.attempt));
  } else {
    found.phase = "resolved";
    found.resolution = { digest: resolution, finding };
  }
}
