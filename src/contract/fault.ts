/** What kind of fault was found in a document. */
export type FaultCode =
  | "malformed"
  | "duplicate-key"
  | "alias"
  | "tag"
  | "number"
  | "string"
  | "key"
  | "depth"
  | "required"
  | "unknown-field"
  | "type"
  | "value"
  | "duplicate"
  | "unknown-reference"
  | "cycle"
  | "cel"
  | "data-schema"
  | "scope-pattern"
  | "unsupported";

/** A place in a document: member names and array indexes from the root. */
export type Path = readonly (string | number)[];

/** One fault in a document, with where it is. */
export interface Fault {
  /** E.g. `steps[2].uses`; empty for the document itself. */
  readonly path: string;
  /** 1-based, when the document was read from text. */
  readonly line?: number;
  /** 1-based, in UTF-16 code units. */
  readonly column?: number;
  readonly code: FaultCode;
  readonly message: string;
}

/** A path as text: `steps[2].with["a b"]`. */
export function pathText(path: Path): string {
  let out = "";
  for (const part of path) {
    if (typeof part === "number") out += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) out += out === "" ? part : `.${part}`;
    else out += `[${JSON.stringify(part)}]`;
  }
  return out;
}

/** A fault as one line: where, then what. */
export function faultText(fault: Fault): string {
  const line = fault.line === undefined ? "" : `${fault.line}:${fault.column ?? 1} `;
  return `${line}${fault.path === "" ? "" : `\`${fault.path}\`: `}${fault.message}`;
}
