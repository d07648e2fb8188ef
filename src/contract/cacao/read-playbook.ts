import { parseJson } from "../../format/canonical-json.ts";
import { FormatError } from "../../format/coded-error.ts";
import { sha256Hex } from "../../format/crypto.ts";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { ContractError, type ContractErrorCode } from "../contract-error.ts";
import { type Fault, type Path, pathText } from "../fault.ts";

/** Most bytes that a playbook may have: 4 MiB. */
export const MAX_PLAYBOOK_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_FAULTS = 20;

/** A playbook as it was published. */
export interface SourcePlaybook {
  readonly value: JsonObject;
  /** `sha256:…` of the bytes. */
  readonly digest: string;
}

/**
 * Reads a playbook as JSON that can mean one thing only: no repeated or `__proto__` keys, no lone surrogates, at most 64
 * levels, 4 MiB (RFC 8259 leaves these open; a signature over what two readers read differently proves nothing).
 *
 * @throws ContractError `DOCUMENT_TOO_LARGE` or `DOCUMENT_MALFORMED`.
 */
export function readPlaybook(bytes: Uint8Array, subject: string): SourcePlaybook {
  if (bytes.length > MAX_PLAYBOOK_BYTES)
    throw broken("DOCUMENT_TOO_LARGE", subject, [at("", "the playbook is larger than 4 MiB")]);
  let value: Json;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw broken("DOCUMENT_MALFORMED", subject, [at("", "the file is not JSON in UTF-8")]);
  }
  if (!isJsonObject(value))
    throw broken("DOCUMENT_MALFORMED", subject, [at("", "a playbook is a JSON object")]);
  const faults = scan(new TextDecoder().decode(bytes));
  if (faults.length > 0) throw broken("DOCUMENT_MALFORMED", subject, faults);
  return { value, digest: `sha256:${sha256Hex(bytes)}` };
}

interface Level {
  /** Keys so far; undefined in a list. */
  readonly keys: Set<string> | undefined;
  at: string | number;
}

/** Walks text that is JSON already and finds what `JSON.parse` lets pass. */
function scan(text: string): Fault[] {
  const faults: Fault[] = [];
  const levels: Level[] = [];
  const path = (): Path => levels.map((level) => level.at);
  for (let index = 0; index < text.length && faults.length < MAX_FAULTS; index++) {
    const top = levels.at(-1);
    switch (text[index]) {
      case "{":
      case "[":
        if (levels.length === MAX_DEPTH)
          return [...faults, at("", `nested deeper than ${MAX_DEPTH} levels`, "depth")];
        levels.push(text[index] === "{" ? { keys: new Set(), at: "" } : { keys: undefined, at: 0 });
        break;
      case "}":
      case "]":
        levels.pop();
        break;
      case ",":
        if (top !== undefined && typeof top.at === "number") top.at++;
        break;
      case '"': {
        const end = endOfString(text, index);
        const string = JSON.parse(text.slice(index, end)) as string;
        index = end - 1;
        if (!string.isWellFormed())
          faults.push(at(pathText(path()), "a text is not valid Unicode", "string"));
        // Only a key has a colon behind it.
        if (top?.keys === undefined || !/^\s*:/.test(text.slice(end, end + 64))) break;
        if (top.keys.has(string))
          faults.push(
            at(pathText([...path().slice(0, -1), string]), "the key occurs twice", "duplicate-key"),
          );
        if (string === "__proto__")
          faults.push(at(pathText(path().slice(0, -1)), "the key `__proto__` is not accepted", "key"));
        top.keys.add(string);
        top.at = string;
      }
    }
  }
  return faults;
}

function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

function at(path: string, message: string, code: Fault["code"] = "malformed"): Fault {
  return { path, code, message };
}

function broken(code: ContractErrorCode, subject: string, faults: readonly Fault[]): ContractError {
  return new ContractError({ code, subject, faults, hint: "give a CACAO playbook, as JSON" });
}
