import { decodeAll } from "./scope-url.ts";

/**
 * Normalises the value of a generic kind (`account`, `repository`, `tenant`, `user`, `file`, …): Unicode NFC,
 * otherwise as it stands. Undefined for the empty text, control characters, outer white space, and `.` or `..`
 * segments in any percent-encoding, by which a value could leave a prefix that covers it.
 *
 * A `file` is a path relative to the workspace: `./` and doubled slashes are dropped; absolute paths and
 * backslashes are refused.
 */
export function parseScopeText(kind: string, value: string): string | undefined {
  if (!value.isWellFormed() || CONTROL.test(value)) return undefined;
  let text = value.normalize("NFC");
  if (kind === "file") {
    if (/^\/|\\|^[A-Za-z]:/.test(text)) return undefined;
    text = text
      .split("/")
      .filter((segment) => segment !== "" && segment !== ".")
      .join("/");
  }
  if (text === "" || text.trim() !== text) return undefined;
  const decoded = kind === "file" ? text : decodeAll(text);
  if (decoded === undefined || CONTROL.test(decoded)) return undefined;
  return decoded.split(/[/\\]/).some((segment) => segment === "." || segment === "..") ? undefined : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/;
