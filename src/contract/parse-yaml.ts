import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Json } from "../format/json.ts";
import { ContractError } from "./contract-error.ts";
import { type Fault, type FaultCode, type Path, pathText } from "./fault.ts";

/** Most bytes that a document may have: 1 MiB. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_FAULTS = 100;
const CORE_TAGS = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((t) => `tag:yaml.org,2002:${t}`),
);

/** A value read from text, with the way back to its lines. */
export interface SourceDocument {
  readonly value: Json;
  /** Line and column (1-based) of the value at `path`, or of the nearest parent that exists. */
  locate(path: Path): { line: number; column: number } | undefined;
}

/**
 * Reads one YAML 1.2 document (core schema; JSON is a subset) as plain JSON data. Nothing that could mean
 * two things is accepted: duplicate or non-string keys, aliases and anchors, custom tags, merge keys (`<<`
 * is an ordinary key), several documents, numbers that are not finite or integers beyond 2^53 - 1.
 * Timestamps stay strings.
 *
 * @param subject what is read, for the message: a file name or `contract`.
 * @throws ContractError `DOCUMENT_TOO_LARGE` over 1 MiB, `DOCUMENT_MALFORMED` with every fault otherwise.
 */
export function parseYaml(text: string, subject: string): SourceDocument {
  if (text.length > MAX_DOCUMENT_BYTES || new TextEncoder().encode(text).length > MAX_DOCUMENT_BYTES) {
    throw new ContractError({
      code: "DOCUMENT_TOO_LARGE",
      subject,
      faults: [{ path: "", code: "malformed", message: "the document is larger than 1 MiB" }],
      hint: "split it into smaller documents",
    });
  }
  const lines = new LineCounter();
  const document = compose(text, subject, lines);
  const reader = new Reader(lines);
  if (document.directives?.yaml.explicit && document.directives.yaml.version !== "1.2") {
    reader.report(0, [], "malformed", "only YAML 1.2 is read");
  }
  for (const error of document.errors) {
    // The parser recurses and reports where its stack ended.
    if (/call stack|recursion/i.test(error.message)) {
      throw malformed(subject, [
        { path: "", code: "depth", message: `nested deeper than ${MAX_DEPTH} levels` },
      ]);
    }
    const message =
      error.code === "MULTIPLE_DOCS" ? "the text holds more than one document" : firstLine(error.message);
    reader.report(error.pos[0], [], "malformed", message);
  }
  const value = document.errors.length > 0 ? null : reader.read(document.contents, [], 0);
  if (reader.faults.length > 0) throw malformed(subject, reader.faults);
  return { value, locate: (path) => locate(document, lines, path) };
}

function compose(text: string, subject: string, lines: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      intAsBigInt: true,
      // Checked while reading: the library's own check is quadratic.
      uniqueKeys: false,
      prettyErrors: false,
      // Anything quieter would let a second document pass.
      logLevel: "error",
      lineCounter: lines,
    });
  } catch (cause) {
    // Only input nested past all reason makes the parser throw.
    const fault: Fault = { path: "", code: "malformed", message: "the document cannot be read as YAML" };
    throw malformed(subject, [fault], cause);
  }
}

function malformed(subject: string, faults: readonly Fault[], cause?: unknown): ContractError {
  return new ContractError({
    code: "DOCUMENT_MALFORMED",
    subject,
    faults,
    hint: "write plain YAML 1.2: no anchors, tags or repeated keys",
    cause,
  });
}

/** Turns YAML nodes into JSON and collects what is not allowed. */
class Reader {
  readonly faults: Fault[] = [];
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  report(offset: number | undefined, path: Path, code: FaultCode, message: string): null {
    if (this.faults.length < MAX_FAULTS) {
      const at = offset === undefined ? undefined : this.#lines.linePos(offset);
      this.faults.push({
        path: pathText(path),
        ...(at === undefined ? {} : { line: at.line, column: at.col }),
        code,
        message,
      });
    }
    return null;
  }

  read(node: unknown, path: Path, depth: number): Json {
    if (node === null || node === undefined) return null;
    const { range, tag } = node as Node;
    const offset = range?.[0];
    if (isAlias(node)) return this.report(offset, path, "alias", "aliases are not accepted");
    if ("anchor" in (node as object) && (node as { anchor?: string }).anchor !== undefined) {
      this.report(offset, path, "alias", "anchors are not accepted");
    }
    if (tag !== undefined && !CORE_TAGS.has(tag)) {
      return this.report(offset, path, "tag", `the tag \`${tag.slice(0, 60)}\` is not accepted`);
    }
    if (depth > MAX_DEPTH) {
      return this.report(offset, path, "depth", `nested deeper than ${MAX_DEPTH} levels`);
    }
    if (isMap(node)) return this.#readMap(node.items, path, depth);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index], depth + 1));
    if (isScalar(node)) return this.#readScalar(node.value, offset, path);
    return this.report(offset, path, "malformed", "this is not YAML data");
  }

  #readMap(items: readonly { key: unknown; value: unknown }[], path: Path, depth: number): Json {
    const out: { [key: string]: Json } = {};
    for (const { key, value } of items) {
      const offset = (key as Node | null)?.range?.[0];
      if (!isScalar(key) || typeof key.value !== "string") {
        this.report(offset, path, "key", "a key must be a string");
        continue;
      }
      const at = [...path, key.value];
      if (key.anchor !== undefined) this.report(offset, at, "alias", "anchors are not accepted");
      if (key.value === "__proto__" || !key.value.isWellFormed()) {
        this.report(offset, path, "key", "this key is not accepted");
      } else if (Object.hasOwn(out, key.value)) {
        this.report(offset, at, "duplicate-key", "the key occurs twice");
      } else {
        out[key.value] = this.read(value, at, depth + 1);
      }
    }
    return out;
  }

  #readScalar(value: unknown, offset: number | undefined, path: Path): Json {
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "string") {
      if (value.isWellFormed()) return value;
      return this.report(offset, path, "string", "the string is not valid Unicode");
    }
    if (typeof value === "bigint") {
      const number = Number(value);
      if (Number.isSafeInteger(number)) return number;
      return this.report(offset, path, "number", "the integer is beyond 2^53 - 1; write it as a string");
    }
    if (typeof value === "number" && Number.isFinite(value)) return value;
    return this.report(offset, path, "number", "the number is not finite");
  }
}

function locate(
  document: Document,
  lines: LineCounter,
  path: Path,
): { line: number; column: number } | undefined {
  let node: unknown = document.contents;
  let offset = (node as Node | null)?.range?.[0];
  for (const part of path) {
    if (typeof part === "number") {
      node = isSeq(node) ? node.items[part] : undefined;
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else {
      const pair = isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && key.value === part)
        : undefined;
      node = pair?.value;
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset;
    }
    if (node === undefined || node === null) break;
  }
  if (offset === undefined) return undefined;
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function firstLine(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return `${line.slice(0, 1).toLowerCase()}${line.slice(1, 200)}`;
}
