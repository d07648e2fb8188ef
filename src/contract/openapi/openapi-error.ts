import { CodedError } from "../../format/coded-error.ts";

/**
 * `DESCRIPTION_MALFORMED`: it is no OpenAPI description. `DESCRIPTION_UNSUPPORTED`: it is one of a version that is not
 * read. `REFERENCE_REFUSED`: a `$ref` leads outside, nowhere or to itself. `OPERATION_UNSUPPORTED`: one operation needs
 * what the adapter cannot do; the others are not touched.
 */
export type OpenapiErrorCode =
  | "DESCRIPTION_MALFORMED"
  | "DESCRIPTION_UNSUPPORTED"
  | "REFERENCE_REFUSED"
  | "OPERATION_UNSUPPORTED";

/** Thrown when a description, or an operation of it, cannot be used. */
export class OpenapiError extends CodedError<OpenapiErrorCode> {}

/** A `DESCRIPTION_MALFORMED` error. @param at where in the description, as a JSON pointer. */
export function malformed(at: string, message: string, hint?: string): OpenapiError {
  const where = at === "" ? "the description" : `\`${at}\``;
  return new OpenapiError({ code: "DESCRIPTION_MALFORMED", message: `${where} ${message}`, hint });
}

/** An `OPERATION_UNSUPPORTED` error. */
export function unsupported(message: string, hint?: string): OpenapiError {
  return new OpenapiError({ code: "OPERATION_UNSUPPORTED", message, hint });
}
