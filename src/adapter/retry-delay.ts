import type { Contract } from "../contract/contract.ts";
import { millisOfDuration } from "../format/duration.ts";

const FIXED_MS = 1000;
const FIRST_MS = 500;
const MAX_MS = 30_000;

/**
 * Milliseconds to wait before the attempt after `attempt` (1 for the first), or undefined when there is
 * none: the contract's attempts are used up, or the external system asks for a longer pause than the
 * contract's own deadline. Pure. Ask only when the attempt ended `retryable`.
 *
 * Backoff `fixed` is 1 s; `exponential` is 500 ms, doubled each time, at most 30 s.
 */
export function retryDelay(contract: Contract, attempt: number, retryAfterMs?: number): number | undefined {
  const { retry, timeout } = contract.execution;
  if (retry === undefined || attempt >= retry.attempts) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > millisOfDuration(timeout)) return undefined;
  return Math.max(backoffOf(retry.backoff, attempt), retryAfterMs ?? 0);
}

function backoffOf(backoff: "none" | "fixed" | "exponential", attempt: number): number {
  if (backoff === "none") return 0;
  return backoff === "fixed" ? FIXED_MS : Math.min(MAX_MS, FIRST_MS * 2 ** (attempt - 1));
}
