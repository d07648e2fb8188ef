import { awaitedOf } from "../contract/awaited.ts";
import { checkSchema } from "../contract/check-schema.ts";
import { type Signal, signalSchema } from "../contract/signal.ts";
import { hexOf } from "../format/digest.ts";
import { utcFromMillis } from "../format/time.ts";
import {
  checkSignal,
  invocationNamedIn,
  RECEIVED_WITHIN_MS,
  type SignalRefusal,
} from "../gate/check-signal.ts";
import { appendDecided, basisOf, isLab } from "./append-to-run.ts";
import { pinJson } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { runParts, stepParts } from "./receipt-entry.ts";
import { type InvocationState, invocationsOf, type RunState } from "./run-state.ts";
import { untilRecorded } from "./until-recorded.ts";

/** What became of an inbound webhook. */
export type Signalled =
  | { readonly recorded: true; readonly invocation: string; readonly again: boolean }
  | {
      readonly recorded: false;
      readonly reason: SignalRefusal | "malformed" | "not-waiting" | "another-came-first";
    };

/** Whether an invocation waits for a webhook. */
export function isWaitingForSignal({ phase, action }: InvocationState): boolean {
  return phase === "paused" && action?.waits.reason === "signal-required";
}

/**
 * Records an inbound webhook for the one invocation of the run that waits and that it names. Refusals are values and
 * leave nothing behind. The same webhook again is answered as the first time; it counts once.
 *
 * @throws RunError `RUN_UNKNOWN`.
 */
export async function recordSignal(lane: Lane, run: string, signal: Signal): Promise<Signalled> {
  if (checkSchema(signalSchema, signal).length > 0) return { recorded: false, reason: "malformed" };
  const pinned = pinJson(signal);
  return untilRecorded<Signalled>(lane, run, async () => {
    const state = lane.states.load(run);
    const basis = basisOf(state);
    const before = [...invocationsOf(state)].find(({ given }) =>
      given.some(({ digest }) => digest === pinned.digest),
    );
    if (before !== undefined) return { recorded: true, invocation: before.id, again: true };
    const found = await findWaiting(lane, state, signal);
    if ("refused" in found) return { recorded: false, reason: found.refused };
    const until = found.action?.expiresAt;
    if (until !== undefined && until < utcFromMillis(lane.clock()))
      return { recorded: false, reason: "not-waiting" };
    if (found.given.length > 0) return { recorded: false, reason: "another-came-first" };
    const step = state.steps.find(({ definition }) => definition.id === found.step);
    if (step === undefined) return { recorded: false, reason: "not-waiting" };
    const entry = {
      event: "signal-recorded" as const,
      subject: [{ name: "signal", digest: { sha256: hexOf(pinned.digest) } }],
      predicate: {
        ...runParts(state.document, lane.origin, isLab(lane, state)),
        ...stepParts(step, found),
        detail: { signal: pinned.digest, id: signal.id },
      },
    };
    const appended = await appendDecided(lane, state, basis, entry, { documents: [pinned] });
    return appended === "moved" ? { recorded: true, invocation: found.id, again: false } : undefined;
  });
}

/** The waiting invocation that the body names, once its signature holds; or the reason that tells most. */
async function findWaiting(
  lane: Lane,
  state: RunState,
  signal: Signal,
): Promise<InvocationState | { readonly refused: SignalRefusal | "not-waiting" }> {
  if (state.closed !== undefined) return { refused: "not-waiting" };
  // Before any signature is looked at: what somebody sends costs at most one invocation's check.
  const named = invocationNamedIn(signal);
  if (!named.ok) return { refused: named.reason };
  const invocation = [...invocationsOf(state)].find(({ id }) => id === named.invocation);
  if (invocation?.action === undefined || !isWaitingForSignal(invocation))
    return { refused: isAnyWaiting(state) ? "another-invocation" : "not-waiting" };
  const { document } = invocation.action;
  const awaits = awaitedOf(lane.pinned.read("contract", document.contract.digest), document);
  if (!awaits.ok || awaits.awaited?.what !== "signal") return { refused: "not-waiting" };
  const { publicKey } = awaits.awaited;
  const now = utcFromMillis(lane.clock());
  const checked = await checkSignal(signal, publicKey, invocation.id, now, RECEIVED_WITHIN_MS);
  return checked.ok ? invocation : { refused: checked.reason };
}

function isAnyWaiting(state: RunState): boolean {
  return [...invocationsOf(state)].some(isWaitingForSignal);
}
