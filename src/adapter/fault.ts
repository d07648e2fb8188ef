import { type Adapter, CaptureRefused, type Fault } from "./adapter.ts";
import { EgressRefused, NetworkFault } from "./network.ts";

/**
 * What an exception of the outside world says, as a fault. An aborted signal wins: `TIMEOUT` at the deadline,
 * `CANCELLED` otherwise, except that a connection attempt keeps the `ETIMEDOUT` it ended with.
 *
 * @throws the error itself when it has no code: then it is a defect of ours, not news from outside.
 */
export function faultOf(error: unknown, phase: string, signal: AbortSignal): Fault {
  if (error instanceof EgressRefused) {
    return { code: error.code, phase: "connect", message: error.message, facts: { reason: error.reason } };
  }
  if (error instanceof CaptureRefused) return { code: error.code, phase, message: error.message };
  if (error instanceof NetworkFault && error.code !== "ECANCELED") {
    return { code: error.code, phase: error.phase, message: error.message };
  }
  if (signal.aborted) return abortedFault(signal, error instanceof NetworkFault ? error.phase : phase);
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  if (typeof code !== "string" || !(error instanceof Error)) throw error;
  return { code, phase, message: error.message };
}

/** The fault of an aborted signal: the deadline's `TIMEOUT`, or `CANCELLED`. */
export function abortedFault(signal: AbortSignal, phase: string): Fault {
  return isTimeout(signal)
    ? { code: "TIMEOUT", phase, message: "no complete answer within the deadline" }
    : { code: "CANCELLED", phase, message: "the attempt was cancelled" };
}

/** Whether the deadline aborted the signal. */
export function isTimeout(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof Error && signal.reason.name === "TimeoutError";
}

/** An adapter's `run` that has no phases of its own: what is thrown becomes a fault of this one. */
export function withFaults(phase: string, attempt: Adapter["run"]): Adapter["run"] {
  return async (call) => {
    try {
      return await attempt(call);
    } catch (error) {
      return { ok: false, fault: faultOf(error, phase, call.signal) };
    }
  };
}
