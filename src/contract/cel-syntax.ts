import type { ASTNode } from "@marcbachmann/cel-js";
import { replacements } from "./cel-environment.ts";

/** Functions called as `f(x)`. */
const FUNCTIONS = new Set([
  "size",
  "int",
  "double",
  "string",
  "bool",
  "dyn",
  "type",
  "has",
  "timestamp",
  "duration",
]);
/** Functions called as `x.f()`. */
const METHODS = new Set([
  ...["size", "contains", "startsWith", "endsWith", "matches", "lowerAscii", "upperAscii", "trim"],
  ...["split", "join", "substring", "indexOf", "lastIndexOf"],
]);
/** Parts of a timestamp or duration, in UTC: without an argument, since time zones depend on the host. */
const CLOCK_PARTS = new Set([
  ...["getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek"],
  ...["getHours", "getMinutes", "getSeconds", "getMilliseconds"],
]);
const COMPREHENSIONS = new Set(["all", "exists", "exists_one", "map", "filter"]);
/** How deep comprehensions may stand inside one another. */
const MAX_NESTING = 2;
const BUILT_IN_TYPES = new Set(["int", "double", "string", "bool", "list", "map", "type", "null_type"]);

/** What reading an expression told. */
export interface CelSyntax {
  readonly faults: readonly string[];
  /** Every node, with how many comprehensions a comprehension's list must fit into (0: none). */
  readonly nodes: readonly { readonly node: ASTNode; readonly ranges: boolean; readonly nested: boolean }[];
  /** First members read of each variable: `steps` → {`dns`, `tls`}; `*` when computed. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
}

interface Place {
  readonly bound: readonly string[];
  readonly nesting: number;
}

/**
 * Walks an expression: finds what is not allowed and replaces the functions of `replacements` in place,
 * which works because the library resolves names only after parsing.
 */
export function readSyntax(root: ASTNode, variables: readonly string[]): CelSyntax {
  const faults: string[] = [];
  const nodes: { node: ASTNode; ranges: boolean; nested: boolean }[] = [];
  const members = new Map<string, Set<string>>();

  const visit = (node: ASTNode, place: Place): void => {
    nodes.push({ node, ranges: false, nested: place.nesting > 0 });
    switch (node.op) {
      case "value":
        if (typeof node.args === "object" && node.args !== null)
          faults.push("bytes and unsigned integers are not available");
        return;
      case "id":
        readVariable(node.args, "*", place);
        return;
      case ".":
      case "[]":
        visitAccess(node, place);
        return;
      case ".?":
      case "[?]":
        faults.push("optional access is not available");
        return;
      case "call": {
        const [name, args] = node.args;
        if (!FUNCTIONS.has(name)) faults.push(`\`${name}\` is not a function here`);
        for (const arg of args) visit(arg, place);
        rename(node, name);
        return;
      }
      case "rcall":
        visitMethod(node, place);
        return;
      case "list":
        for (const item of node.args) visit(item, place);
        return;
      case "map":
        for (const [key, value] of node.args) {
          visit(key, place);
          visit(value, place);
          if (key.op !== "value" || typeof key.args !== "string")
            faults.push("a map's keys must be string literals");
          else if (key.args === "__proto__") faults.push("`__proto__` is not accepted as a key");
        }
        return;
      case "!_":
      case "-_":
        visit(node.args, place);
        return;
      case "?:":
        for (const arg of node.args) visit(arg, place);
        return;
      default:
        for (const arg of node.args) visit(arg, place);
    }
  };

  const readVariable = (name: string, member: string, place: Place): void => {
    if (place.bound.includes(name)) return;
    if (BUILT_IN_TYPES.has(name)) return;
    if (!variables.includes(name)) {
      const known = variables.length === 0 ? "none" : variables.map((v) => `\`${v}\``).join(", ");
      faults.push(`\`${name}\` is not a variable here; known: ${known}`);
      return;
    }
    const seen = members.get(name) ?? new Set();
    members.set(name, seen.add(member));
  };

  const visitAccess = (node: ASTNode & { op: "." | "[]" }, place: Place): void => {
    const [target, key] = node.args;
    const name =
      typeof key === "string" ? key : key.op === "value" && typeof key.args === "string" ? key.args : "*";
    if (typeof key !== "string") visit(key, place);
    if (target.op !== "id") {
      visit(target, place);
      return;
    }
    nodes.push({ node: target, ranges: false, nested: place.nesting > 0 });
    readVariable(target.args, name, place);
  };

  const visitMethod = (node: ASTNode & { op: "rcall" }, place: Place): void => {
    const [name, receiver, args] = node.args;
    if (COMPREHENSIONS.has(name)) {
      const nesting = place.nesting + 1;
      if (nesting > MAX_NESTING) faults.push(`comprehensions may be nested ${MAX_NESTING} deep`);
      const [variable, ...body] = args;
      visit(receiver, place);
      const range = nodes.find((entry) => entry.node === receiver);
      if (range !== undefined) range.ranges = true;
      if (variable?.op !== "id") {
        faults.push(`\`${name}\` needs a variable name first`);
        return;
      }
      const inner = { bound: [...place.bound, variable.args], nesting };
      for (const arg of body) visit(arg, inner);
      return;
    }
    if (CLOCK_PARTS.has(name)) {
      if (args.length > 0) faults.push(`\`${name}\` takes no time zone here`);
    } else if (!METHODS.has(name)) faults.push(`\`${name}\` is not a function here`);
    visit(receiver, place);
    for (const arg of args) visit(arg, place);
    rename(node, name);
  };

  visit(root, { bound: [], nesting: 0 });
  return { faults: [...new Set(faults)], nodes, members };
}

function rename(node: ASTNode & { op: "call" | "rcall" }, name: string): void {
  const replacement = Object.hasOwn(replacements, name) ? replacements[name] : undefined;
  if (replacement !== undefined) (node.args as [string, ...unknown[]])[0] = replacement;
}
