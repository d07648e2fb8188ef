import { CodedError } from "../format/coded-error.ts";

/**
 * `USAGE`: the command line itself. `INPUT_MALFORMED`: a file or value that the command was given.
 * `NOT_FOUND`: something named that is not there. `REFUSED`: understood, and not done.
 */
export type CliErrorCode = "USAGE" | "INPUT_MALFORMED" | "NOT_FOUND" | "REFUSED";

/** Thrown by commands; printed as `error:` lines and a `hint:`. */
export class CliError extends CodedError<CliErrorCode> {
  /** Further faults of the same input, one line each; printed before the message. */
  readonly faults: readonly string[];

  constructor(args: {
    code: CliErrorCode;
    message: string;
    hint?: string | undefined;
    cause?: unknown;
    faults?: readonly string[];
  }) {
    super(args);
    this.faults = args.faults ?? [];
  }
}

/** A `USAGE` error. */
export function usage(message: string, hint?: string): CliError {
  return new CliError({ code: "USAGE", message, hint });
}

/** A `NOT_FOUND` error. */
export function notFound(message: string, hint?: string): CliError {
  return new CliError({ code: "NOT_FOUND", message, hint });
}

/** A `REFUSED` error. */
export function refused(message: string, hint?: string): CliError {
  return new CliError({ code: "REFUSED", message, hint });
}
