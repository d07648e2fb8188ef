import type { AttemptFact } from "../contract/receipt-predicate.ts";
import type { InvocationState } from "./run-state.ts";
import type { DispatchRow } from "./store.ts";

/** How a dispatch reads in a receipt: as it ended, or in doubt. */
export function factOfRow(row: DispatchRow): AttemptFact {
  return row.ended ?? { n: row.attempt, startedAt: row.at, exit: "in-doubt", dispatchDigest: row.gateRecord };
}

/** The attempt that was dispatched and has no end that anybody knows of, if the last one is such. */
export function openAttempt(invocation: InvocationState): DispatchRow | undefined {
  const last = invocation.attempts.at(-1);
  if (last === undefined || last.ended !== undefined) return undefined;
  return invocation.settledAttempts.includes(last.attempt) ? undefined : last;
}

/** An attempt that is known to have failed. */
export type FailedAttempt = DispatchRow & { readonly ended: AttemptFact };

/** The last attempt when it is known to have failed: another may follow, or the step ends as failed. */
export function failedAttempt(invocation: InvocationState): FailedAttempt | undefined {
  const last = invocation.attempts.at(-1);
  return last?.ended?.exit === "failed" ? { ...last, ended: last.ended } : undefined;
}
