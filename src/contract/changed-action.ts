import { canonicalJson } from "../format/canonical-json.ts";
import type { ActionDocument } from "./action-document.ts";

/** What identifies one run rather than what is done in it. */
const OF_THE_RUN: ReadonlySet<string> = new Set(["schema", "run", "invocation", "idempotencyKey", "nonce"]);

/** What differs between an action that was approved before and this one, one line each; empty: nothing but the run. */
export function changedSince(before: ActionDocument, action: ActionDocument): string[] {
  const lines: string[] = [];
  const names = new Set([...Object.keys(before), ...Object.keys(action)]);
  for (const name of [...names].sort()) {
    if (OF_THE_RUN.has(name)) continue;
    const old = before[name as keyof ActionDocument];
    const now = action[name as keyof ActionDocument];
    if (name === "inputs") lines.push(...changedInputs(before.inputs, action.inputs));
    else if (textOf(old) !== textOf(now)) lines.push(`${name}: ${textOf(old)} → ${textOf(now)}`);
  }
  return lines;
}

function changedInputs(before: ActionDocument["inputs"], inputs: ActionDocument["inputs"]): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(inputs)])]
    .sort()
    .filter((name) => textOf(before[name]) !== textOf(inputs[name]))
    .map((name) => `${name}: ${textOf(before[name])} → ${textOf(inputs[name])}`);
}

function textOf(value: unknown): string {
  return value === undefined ? "none" : canonicalJson(value);
}
