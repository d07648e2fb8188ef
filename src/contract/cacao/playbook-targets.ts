import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import type { ImportReport } from "./import-report.ts";
import { listOf, objectOf, shortText, textOf } from "./playbook-text.ts";

/** Most targets of one step: what a list in CEL holds. */
export const MAX_TARGETS = 200;

/** What a step is about, or who does it: a scope kind, and its value as the playbook has it (which may be a variable). */
export interface PlaybookTarget {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly name: string;
  readonly kind: string;
  readonly value: string;
  /** Every address of it, as kind and value. */
  readonly all: readonly (readonly [kind: string, value: string])[];
  readonly object: JsonObject;
}

/** Address types (CACAO 2.0 section 7) and the kinds of scope that they are, the one that names a target best first. */
const KINDS = [
  ["url", "url"],
  ["dname", "host"],
  ["ipv4", "host"],
  ["ipv6", "host"],
  ["l2mac", "mac"],
  ["vlan", "vlan"],
] as const;

/** Reads an agent or target of any type; those without an address are named by their type: `individual:…`, `sector:…`. */
function readTarget(id: string, path: string, object: JsonObject): PlaybookTarget {
  const type = textOf(object, "type") ?? id.split("--")[0] ?? "";
  const name = textOf(object, "name") ?? id;
  const address = objectOf(object, "address");
  const all = KINDS.flatMap(([member, kind]) =>
    [address[member] ?? []].flat().flatMap((one) => {
      const value = typeof one === "number" ? String(one) : one;
      return typeof value === "string" && value !== "" ? [[kind, blockOr(kind, value), value] as const] : [];
    }),
  ).map(([kind, block, value]) => [block === "cidr" ? "cidr" : kind, value] as const);
  const categories =
    type === "security-category" || type === "sector"
      ? listOf(object, type === "sector" ? "sector" : "category")
      : [];
  const named = categories.find((one) => typeof one === "string") ?? name;
  const plainType = /^[a-z][a-z0-9-]{0,60}$/.test(type) ? type : "target";
  const [first] = all;
  const own = [plainType, String(named)] as const;
  return {
    id,
    path,
    type,
    name,
    kind: first?.[0] ?? own[0],
    value: first?.[1] ?? own[1],
    all: all.length > 0 ? all : [own],
    object,
  };
}

function blockOr(kind: string, value: string): string {
  return kind === "host" && value.includes("/") ? "cidr" : kind;
}

/** A definition by its id, in either dictionary of definitions. */
function definitionOf(playbook: JsonObject, id: string): [string, JsonObject] | undefined {
  for (const dictionary of ["target_definitions", "agent_definitions", "targets"]) {
    const definitions = objectOf(playbook, dictionary);
    const found = Object.hasOwn(definitions, id) ? definitions[id] : undefined;
    if (isJsonObject(found)) return [dictionary, found];
  }
  return undefined;
}

/** The agents or targets that a step names. One that is defined nowhere is refused. */
export function targetsOf(
  playbook: JsonObject,
  references: readonly unknown[],
  path: string,
  to: ImportReport,
): PlaybookTarget[] {
  return references.slice(0, MAX_TARGETS + 1).flatMap((id) => {
    if (typeof id !== "string") return [];
    const found = definitionOf(playbook, id);
    if (found === undefined) {
      to.refuse(path, `\`${shortText(id, 80)}\` is defined nowhere`, "unknown-reference");
      return [];
    }
    return [readTarget(id, pathText([found[0], id]), found[1])];
  });
}
