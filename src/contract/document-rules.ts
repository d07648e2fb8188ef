import { bytesOfSize, millisOfDuration } from "../format/duration.ts";
import { millisOf } from "../format/time.ts";
import { groupsOf } from "./approval-groups.ts";
import { type CelProgram, compileCel } from "./cel.ts";
import { expressionsOf } from "./cel-tree.ts";
import { inspectDataSchema } from "./data-schema.ts";
import type { Path } from "./fault.ts";
import type { Inspection } from "./inspect-document.ts";
import { parseScopePattern } from "./scope-pattern.ts";
import type { ApprovalRule } from "./vocabulary.ts";

/** Where rules report what they find. */
export type Reporter = Pick<Inspection<object>, "report">;

/** Most expressions of one document: compiling them must not cost a reader real time. */
const MAX_EXPRESSIONS = 2000;
const expressions = new WeakMap<Reporter, number>();

/** Reports an expression that does not compile. Returns the program otherwise. */
export function ruleCel(
  to: Reporter,
  at: Path,
  text: string,
  variables: readonly string[],
): CelProgram | undefined {
  const count = (expressions.get(to) ?? 0) + 1;
  expressions.set(to, count);
  if (count > MAX_EXPRESSIONS) {
    if (count === MAX_EXPRESSIONS + 1)
      to.report(at, "cel", `a document has at most ${MAX_EXPRESSIONS} expressions`);
    return undefined;
  }
  const compiled = compileCel(text, variables);
  if (compiled.ok) return compiled.program;
  to.report(at, "cel", compiled.message);
  return undefined;
}

/** As `ruleCel`, for every string of a tree. */
export function ruleCelTree(
  to: Reporter,
  at: Path,
  tree: unknown,
  variables: readonly string[],
): CelProgram[] {
  return expressionsOf(tree, at).flatMap(({ path, text }) => {
    if (text === "")
      to.report(path, "cel", "an expression must not be empty; write `''` for an empty string");
    const program = text === "" ? undefined : ruleCel(to, path, text, variables);
    return program === undefined ? [] : [program];
  });
}

/** Reports the second and later occurrences of a name. */
export function ruleUnique(to: Reporter, names: readonly (readonly [Path, string])[], what: string): void {
  const seen = new Set<string>();
  for (const [at, name] of names) {
    if (seen.has(name)) to.report(at, "duplicate", `the ${what} \`${name}\` occurs twice`);
    seen.add(name);
  }
}

/** Reports what in a data schema is outside the profile. */
export function ruleDataSchema(to: Reporter, at: Path, schema: unknown): void {
  for (const fault of inspectDataSchema(schema, at)) to.report(fault.path, fault.code, fault.message);
}

/** Reports scope patterns that do not parse, and repeated ones. */
export function ruleScopePatterns(to: Reporter, at: Path, patterns: readonly unknown[]): void {
  const texts: [Path, string][] = [];
  for (const [index, pattern] of patterns.entries()) {
    if (typeof pattern !== "string") continue;
    texts.push([[...at, index], pattern]);
    const parsed = parseScopePattern(pattern);
    if (!parsed.ok)
      to.report([...at, index], "scope-pattern", `\`${pattern.slice(0, 80)}\`: ${parsed.message}`);
  }
  ruleUnique(to, texts, "pattern");
}

/** Reports dates that are not real and a window whose end is not after its start. */
export function ruleWindow(
  to: Reporter,
  at: Path,
  window: { notBefore?: unknown; notAfter?: unknown },
): void {
  const start = ruleInstant(to, [...at, "notBefore"], window.notBefore);
  const end = ruleInstant(to, [...at, "notAfter"], window.notAfter);
  if (start !== undefined && end !== undefined && end <= start) {
    to.report([...at, "notAfter"], "value", "must be after `notBefore`");
  }
}

function ruleInstant(to: Reporter, at: Path, text: unknown): number | undefined {
  if (typeof text !== "string") return undefined;
  const millis = millisOf(text);
  // `Date.parse` takes 30 February for 1 March.
  if (millis !== undefined && new Date(millis).toISOString().slice(0, 19) === text.slice(0, 19))
    return millis;
  to.report(at, "value", `\`${text.slice(0, 40)}\` is not a date that exists`);
  return undefined;
}

/** Reports a duration of nothing. */
export function ruleDuration(to: Reporter, at: Path, text: string | undefined): void {
  if (text !== undefined && millisOfDuration(text) === 0)
    to.report(at, "value", "must be longer than nothing");
}

/** Bytes of a size, reporting one of nothing. Undefined when absent. */
export function ruleSize(to: Reporter, at: Path, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = bytesOfSize(text);
  if (bytes === 0) to.report(at, "value", "must be at least one byte");
  return bytes;
}

/** Reports an approval rule that nobody could satisfy, or that its own wording defeats. */
export function ruleApproval(to: Reporter, at: Path, rule: ApprovalRule | undefined): void {
  if (rule === undefined || typeof rule === "string") return;
  for (const [index, { roles }] of groupsOf(rule).entries()) {
    const where = "groups" in rule ? [...at, "groups", index, "roles"] : [...at, "roles"];
    if (!roles.some((role) => role === "approver" || role === "owner"))
      to.report(where, "value", "must name `approver` or `owner`: others do not approve");
    if (roles.includes("system")) to.report(where, "value", "`system` never approves");
  }
  if ("groups" in rule) {
    const names = rule.groups.map(({ roles }) => [...roles].sort().join(", "));
    ruleUnique(
      to,
      names.map((name, index) => [[...at, "groups", index], name]),
      "group",
    );
  }
  ruleDuration(to, [...at, "expiresIn"], rule.expiresIn);
}
