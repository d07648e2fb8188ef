import { CodedError } from "../format/coded-error.ts";

/**
 * Codes of `RunError`. `RUN_UNKNOWN`: no run has that id. `RUN_CLOSED`: it ended. `RUN_CONTENDED`: other
 * processes kept changing the stream, try again. `STEP_UNKNOWN`: the run has no such step.
 * `STEP_NOT_WAITING`: nothing there waits for this. `STATEMENT_REFUSED`: the signed statement does not fit.
 * `PINNED_MISSING`: a document that the run pinned is not in the ledger. `INPUTS_REFUSED`: the run's inputs do
 * not fit the runbook. `KEY_ENDED`: the issuer key of this process was retired or revoked. `CLOCK_BACKWARDS`: the host's clock is behind the run's last receipt; the run waits.
 * `LOG_PROMISED`: the run promised a log that the workspace does not have now.
 * `TIME_UNAVAILABLE`: a token that the run promised cannot be had now.
 */
export type RunErrorCode =
  | "RUN_UNKNOWN"
  | "RUN_CLOSED"
  | "RUN_CONTENDED"
  | "STEP_UNKNOWN"
  | "STEP_NOT_WAITING"
  | "STATEMENT_REFUSED"
  | "PINNED_MISSING"
  | "INPUTS_REFUSED"
  | "KEY_ENDED"
  | "CLOCK_BACKWARDS"
  | "LOG_PROMISED"
  | "TIME_UNAVAILABLE";

/** Thrown by `run/` for requests that cannot be carried out. Refusals by gates are values, not this. */
export class RunError extends CodedError<RunErrorCode> {}
