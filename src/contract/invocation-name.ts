import { readBackId } from "./read-back.ts";
import type { ReceiptPredicate } from "./receipt-predicate.ts";

/** Id of an invocation: `run/step`, or `run/step[key]`; of its read-backs, that with `/read-back-1` and so on. */
export function invocationName(run: string, step: ReceiptPredicate["step"]): string {
  const id = step?.id ?? "";
  const name = step?.key === undefined ? `${run}/${id}` : `${run}/${id}[${step.key}]`;
  return step?.readBack === undefined ? name : readBackId(name, step.readBack);
}
