import { NetworkFault, type NetworkPhase } from "../network.ts";

/** The system's code of a failure (`ECONNREFUSED`, `ERR_SSL_…`), or `EUNKNOWN`. */
export function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "EUNKNOWN";
}

/**
 * The fault of an aborted signal: `ETIMEDOUT` when a deadline aborted it, else `ECANCELED`.
 *
 * @throws NetworkFault when the signal is aborted.
 */
export function throwIfAborted(signal: AbortSignal, phase: NetworkPhase): void {
  if (signal.aborted) throw abortFault(signal, phase);
}

/** As `throwIfAborted`, as a value. */
export function abortFault(signal: AbortSignal, phase: NetworkPhase): NetworkFault {
  const timeout = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
  return timeout
    ? new NetworkFault("ETIMEDOUT", phase, `no end of phase \`${phase}\` within the deadline`)
    : new NetworkFault("ECANCELED", phase, `cancelled in phase \`${phase}\``);
}
