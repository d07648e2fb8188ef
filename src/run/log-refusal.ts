import { type NoteKey, noteKeyText } from "../format/signed-note.ts";
import { LineageError, type LineageErrorCode } from "../ledger/witnesses.ts";

/** Status row of what a witness holds against a log. */
export function refusalSubject(key: NoteKey): string {
  return `log-refused:${noteKeyText(key)}`;
}

/** The row's text: JSON, or nothing when nothing is held against it any more. */
export function refusalText(error: LineageError | undefined): string {
  if (error === undefined) return "";
  const { code, witness, message, hint } = error;
  return JSON.stringify({ code, witness, message, hint });
}

/** Reads the row. */
export function refusalOf(text: string | undefined): LineageError | undefined {
  if (text === undefined || text === "") return undefined;
  return new LineageError(
    JSON.parse(text) as { code: LineageErrorCode; witness: string; message: string; hint?: string },
  );
}
