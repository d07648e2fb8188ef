import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { malformed, OpenapiError } from "./openapi-error.ts";

/** Most bytes that a description may have: 32 MiB. */
export const MAX_DESCRIPTION_BYTES = 32 * 1024 * 1024;
/** Most characters of YAML, whose reading takes many times their memory. */
const MAX_YAML = 8 * 1024 * 1024;
/** Text in braces that is longer is JSON or nothing: what is no JSON may still be YAML, and costs as much to find out. */
const MAX_BRACED_YAML = 1024 * 1024;
/** Most values that a description may have, each alias counted with all that it stands for. */
const MAX_VALUES = 3_000_000;
const MAX_DEPTH = 100;

/**
 * Reads a vendor's description: JSON, or YAML 1.2 with its habits (numbers as keys of `responses`, anchors and aliases).
 * Aliases share what they name; a text that would expand past 3,000,000 values is refused.
 *
 * @throws OpenapiError `DESCRIPTION_MALFORMED`.
 */
export function readDescription(text: string): JsonObject {
  if (text.length > MAX_DESCRIPTION_BYTES)
    throw malformed("", "is larger than 32 MiB", "cut it down to the operations that are used");
  const value = /^\s*\{/.test(text) ? bracedOf(text) : /^\s*\[/.test(text) ? null : yamlOf(text);
  if (!isJsonObject(value)) throw malformed("", "is not an object", "it is JSON or YAML with `openapi`");
  return value;
}

function bracedOf(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    if (text.length <= MAX_BRACED_YAML) return yamlOf(text);
    const why = error instanceof Error ? error.message.slice(0, 200) : "";
    throw malformed("", `is no JSON: ${why}`);
  }
  measure(value, 0, { values: 0 });
  return value;
}

function measure(value: Json, depth: number, count: { values: number }): void {
  if (depth > MAX_DEPTH) throw malformed("", `is nested deeper than ${MAX_DEPTH} levels`);
  if (++count.values > MAX_VALUES) throw tooMany();
  if (typeof value !== "object" || value === null) return;
  for (const child of Object.values(value)) measure(child as Json, depth + 1, count);
}

function tooMany(): OpenapiError {
  return malformed("", `has more than ${MAX_VALUES} values`, "its aliases may expand without end");
}

function yamlOf(text: string): Json {
  if (text.length > MAX_YAML) throw malformed("", "is larger than 8 MiB as YAML", "save it as JSON");
  const lines = new LineCounter();
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      // Checked while reading: the library's own check is quadratic.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
      lineCounter: lines,
    });
  } catch (cause) {
    const message = "the description can be read neither as JSON nor as YAML";
    throw new OpenapiError({ code: "DESCRIPTION_MALFORMED", message, cause });
  }
  const [error] = document.errors;
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    const why = (error.message.split("\n", 1)[0] ?? "").slice(0, 200);
    throw malformed("", `is neither JSON nor YAML: line ${line}: ${why}`);
  }
  return new Reader(lines).read(document.contents, 0).value;
}

/** A value with the number of values in it. */
interface Measured {
  readonly value: Json;
  readonly count: number;
  readonly depth: number;
}

/** Turns YAML nodes into JSON; an alias is the value it names, counted again. */
class Reader {
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, Measured>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  read(node: unknown, depth: number): Measured {
    if (node === null || node === undefined) return { value: null, count: 1, depth: 0 };
    if (isAlias(node)) {
      const known = this.#anchors.get(node.source);
      if (known === undefined)
        throw this.#refuse(node, `alias \`${node.source.slice(0, 60)}\` names nothing`);
      if (depth + known.depth > MAX_DEPTH)
        throw this.#refuse(node, `is nested deeper than ${MAX_DEPTH} levels`);
      return known;
    }
    if (depth > MAX_DEPTH) throw this.#refuse(node, `is nested deeper than ${MAX_DEPTH} levels`);
    const measured = this.#readPlain(node, depth);
    if (measured.count > MAX_VALUES) throw tooMany();
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, measured);
    return measured;
  }

  #readPlain(node: unknown, depth: number): Measured {
    if (isScalar(node)) return { value: this.#scalar(node.value, node), count: 1, depth: 0 };
    let count = 1;
    let below = 0;
    const child = (value: unknown): Json => {
      const measured = this.read(value, depth + 1);
      count += measured.count;
      below = Math.max(below, measured.depth + 1);
      if (count > MAX_VALUES) throw tooMany();
      return measured.value;
    };
    if (isSeq(node)) {
      const value = node.items.map(child);
      return { value, count, depth: below };
    }
    if (!isMap(node)) throw this.#refuse(node, "is not YAML data");
    const entries = new Map<string, Json>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? key.value : undefined;
      // `200:` under `responses` is a number in YAML, and meant as the text it is written as.
      const text =
        typeof name === "number" || typeof name === "boolean"
          ? String(isScalar(key) ? (key.source ?? name) : name)
          : name;
      if (typeof text !== "string") throw this.#refuse(key ?? node, "has a key that is no text");
      if (entries.has(text)) throw this.#refuse(key, `has the key \`${text.slice(0, 60)}\` twice`);
      entries.set(text, child(value));
    }
    return { value: Object.fromEntries(entries), count, depth: below };
  }

  #scalar(value: unknown, node: unknown): Json {
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.#refuse(node, "has a value that JSON does not know");
  }

  #refuse(node: unknown, message: string): OpenapiError {
    const offset = (node as Node | null)?.range?.[0];
    const line = offset === undefined ? "" : `, line ${this.#lines.linePos(offset).line},`;
    return new OpenapiError({ code: "DESCRIPTION_MALFORMED", message: `the description${line} ${message}` });
  }
}
