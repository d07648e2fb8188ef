import type { TSchema } from "typebox";
import { deepFreeze, isJsonObject, type Json } from "../format/json.ts";
import { checkSchema, type SchemaFault, touches } from "./check-schema.ts";
import { ContractError } from "./contract-error.ts";
import { type Fault, type FaultCode, type Path, pathText } from "./fault.ts";
import { parseYaml, type SourceDocument } from "./parse-yaml.ts";

/** A document under inspection: its parts, and the place where faults go. */
export interface Inspection<T> {
  /**
   * The member `key` of the document, when the schema found no fault in it. Rules that concern more than
   * one member ask for each of them, so that one bad member never hides the faults of another.
   */
  part<K extends keyof T & string>(key: K): T[K] | undefined;
  /** As `part`, for a member of a member. */
  member<K extends keyof T & string, L extends keyof NonNullable<T[K]> & string>(
    key: K,
    name: L,
  ): NonNullable<T[K]>[L] | undefined;
  /** As `part`, for the items of a list: those without a schema fault, with their index. */
  items<K extends keyof T & string>(key: K): readonly [number, ItemOf<T[K]>][];
  /** As `items`, for a list that is a member of a member. */
  memberItems<K extends keyof T & string, L extends keyof NonNullable<T[K]> & string>(
    key: K,
    name: L,
  ): readonly [number, ItemOf<NonNullable<T[K]>[L]>][];
  /** The raw value, whatever it is. */
  readonly raw: { readonly [key: string]: Json };
  report(path: Path, code: FaultCode, message: string): void;
}

type ItemOf<V> = V extends readonly (infer I)[] ? I : never;

/** What one kind of document is: its schema and the rules that a schema cannot say. */
export interface DocumentKind<T> {
  /** In messages: `contract`, `runbook`. */
  readonly name: string;
  readonly schema: TSchema;
  /** Reports what the schema cannot see. Never throws. */
  readonly rules?: (inspection: Inspection<T>) => void;
}

/**
 * Reads a document from YAML or JSON text. Returns it deep-frozen, as authored: no default is filled in.
 *
 * @throws ContractError with every fault, each with path and line.
 */
export function readDocument<T>(kind: DocumentKind<T>, text: string, options: { file?: string } = {}): T {
  const subject = options.file ?? kind.name;
  return inspect(kind, parseYaml(text, subject), subject);
}

/** As `readDocument`, from a JSON value that was parsed elsewhere: a pinned document. */
export function documentFromJson<T>(kind: DocumentKind<T>, value: Json): T {
  return inspect(kind, { value: structuredClone(value), locate: () => undefined }, kind.name);
}

function inspect<T>(kind: DocumentKind<T>, source: SourceDocument, subject: string): T {
  const { value } = source;
  const found: SchemaFault[] = checkSchema(kind.schema, value);
  // A field too many does not make the others doubtful.
  const unsound = found.filter(({ code }) => code !== "unknown-field");
  const soundAt = (path: Path): unknown => (touches(unsound, path) ? undefined : valueAt(value, path));
  const soundItems = (path: Path): [number, never][] => {
    const list = valueAt(value, path);
    if (!Array.isArray(list)) return [];
    return [...list.entries()].filter(([index]) => !touches(unsound, [...path, index])) as [number, never][];
  };
  if (isJsonObject(value)) {
    kind.rules?.({
      raw: value,
      part: (key) => soundAt([key]) as T[typeof key] | undefined,
      member: (key, name) => soundAt([key, name]) as NonNullable<T[typeof key]>[typeof name] | undefined,
      items: (key) => soundItems([key]),
      memberItems: (key, name) => soundItems([key, name]),
      report: (path, code, message) => found.push({ path, code, message }),
    });
  }
  if (found.length > 0) {
    const faults = found.map((fault) => locateFault(fault, source)).sort(byLine);
    throw new ContractError({
      code: "DOCUMENT_INVALID",
      subject,
      faults,
      hint: `the fields of a ${kind.name} are described in \`schemas/\` and \`spec/\``,
    });
  }
  return deepFreeze(value) as T;
}

function locateFault(fault: SchemaFault, source: SourceDocument): Fault {
  const at = source.locate(fault.path);
  return { path: pathText(fault.path), ...at, code: fault.code, message: fault.message };
}

function byLine(a: Fault, b: Fault): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

function valueAt(value: Json, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const part of path) at = isJsonObject(at) && Object.hasOwn(at, part) ? at[part] : undefined;
  return at;
}
