import type { Invocation } from "./receipt-predicate.ts";

/** What held a tool, for people. */
export function isolationText(isolation: Invocation["isolation"]): string {
  if (typeof isolation === "string") return isolation;
  return `network ${isolation.network}, files ${isolation.files} (${isolation.tool})`;
}
