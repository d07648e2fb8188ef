/**
 * Base of every error this project throws. Each area declares its own closed union of codes, so that a
 * caller can switch on `code` and never has to read a message.
 */
export abstract class CodedError<Code extends string> extends Error {
  readonly code: Code;
  /** What the user can do next; printed after `hint:`. */
  readonly hint: string | undefined;

  constructor(args: { code: Code; message: string; hint?: string | undefined; cause?: unknown }) {
    super(args.message, args.cause === undefined ? undefined : { cause: args.cause });
    this.name = new.target.name;
    this.code = args.code;
    this.hint = args.hint;
  }
}

/** Codes of `FormatError`: bytes that are not what their format says. */
export type FormatErrorCode =
  | "JSON_MALFORMED"
  | "JSON_NOT_CANONICAL"
  | "VALUE_NOT_JSON"
  | "BASE64_MALFORMED"
  | "DIGEST_MALFORMED"
  | "KEY_MALFORMED"
  | "KEY_UNSUPPORTED"
  | "ENVELOPE_MALFORMED"
  | "STATEMENT_MALFORMED"
  | "TAR_MALFORMED"
  | "BUNDLE_MALFORMED"
  | "NOTE_MALFORMED"
  | "CHECKPOINT_MALFORMED"
  | "CRYPTO_UNSUPPORTED"
  | "PROOF_MALFORMED"
  | "REQUEST_MALFORMED"
  | "DER_MALFORMED"
  | "DER_UNSUPPORTED"
  | "TOO_LARGE";

/** Thrown by `format/` when bytes or values do not fit their format. */
export class FormatError extends CodedError<FormatErrorCode> {}
