import { CodedError } from "../format/coded-error.ts";

/** Codes of `KeyFileError`. None of them ever carries key material or a passphrase. */
export type KeyFileErrorCode =
  | "KEY_FILE_EXISTS"
  | "KEY_FILE_NOT_FOUND"
  | "KEY_FILE_EXPOSED"
  | "KEY_FILE_MALFORMED"
  | "KEY_FILE_PASSPHRASE"
  | "KEY_FILE_UNSUPPORTED";

/** Thrown by `key-file.ts`. */
export class KeyFileError extends CodedError<KeyFileErrorCode> {}
