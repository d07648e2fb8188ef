import { isJsonObject, type Json } from "../format/json.ts";
import type { CelProgram } from "./cel.ts";
import {
  ruleApproval,
  ruleCel,
  ruleCelTree,
  ruleDataSchema,
  ruleDuration,
  ruleScopePatterns,
  ruleUnique,
} from "./document-rules.ts";
import type { Path } from "./fault.ts";
import { type DocumentKind, documentFromJson, type Inspection, readDocument } from "./inspect-document.ts";
import { type Runbook, type RunbookStep, runbookSchema } from "./runbook.ts";
import { findCycle, neededBy, needsOf, type StepNeeds } from "./step-needs.ts";

/** What a runbook is: its schema, and the rules that the schema cannot say. */
export const runbookKind: DocumentKind<Runbook> = { name: "runbook", schema: runbookSchema, rules };

/** Reads a runbook from YAML. @throws ContractError with every fault, each with path and line. */
export function parseRunbook(text: string, options: { file?: string } = {}): Runbook {
  return readDocument(runbookKind, text, options);
}

/** A pinned runbook. @throws ContractError with every fault. */
export function runbookFromJson(value: Json): Runbook {
  return documentFromJson(runbookKind, value);
}

function rules(runbook: Inspection<Runbook>): void {
  ruleDataSchema(runbook, ["inputs"], runbook.raw.inputs ?? {});
  ruleRunbookScope(runbook);
  const needs = needsOf(runbook.raw.steps);
  ruleUnique(
    runbook,
    needs.map(({ id, index }) => [["steps", index, "id"], id]),
    "step",
  );
  ruleNeeds(runbook, needs);
  for (const [index, step] of runbook.items("steps")) ruleStep(runbook, step, ["steps", index], needs);
  const required = runbook.member("evidence", "require") ?? [];
  for (const [index, reference] of required.entries()) {
    const [step = ""] = reference.split("/", 1);
    if (!needs.some(({ id }) => id === step)) {
      runbook.report(
        ["evidence", "require", index],
        "unknown-reference",
        `\`${step}\` is not a step of this runbook`,
      );
    }
  }
}

function ruleRunbookScope(runbook: Inspection<Runbook>): void {
  const scope = isJsonObject(runbook.raw.scope) ? runbook.raw.scope : {};
  for (const name of ["include", "exclude"] as const) {
    const entries = scope[name];
    if (!Array.isArray(entries)) continue;
    ruleScopePatterns(runbook, ["scope", name], entries);
    for (const [index, entry] of entries.entries()) {
      if (isJsonObject(entry) && typeof entry.from === "string") {
        ruleCel(runbook, ["scope", name, index, "from"], entry.from, ["inputs"]);
      }
    }
  }
}

function ruleNeeds(runbook: Inspection<Runbook>, steps: readonly StepNeeds[]): void {
  for (const { id, index, needs } of steps) {
    for (const [position, name] of needs.entries()) {
      const at = ["steps", index, "needs", position];
      if (name === id) runbook.report(at, "cycle", "a step cannot need itself");
      else if (!steps.some((step) => step.id === name)) {
        runbook.report(at, "unknown-reference", `\`${name}\` is not a step of this runbook`);
      }
    }
  }
  const cycle = findCycle(steps);
  if (cycle !== undefined) {
    const first = steps.find(({ id }) => id === cycle[0]);
    runbook.report(
      ["steps", first?.index ?? 0, "needs"],
      "cycle",
      `steps need each other: ${cycle.join(" → ")}`,
    );
  }
}

function ruleStep(
  runbook: Inspection<Runbook>,
  step: RunbookStep,
  at: Path,
  steps: readonly StepNeeds[],
): void {
  const outside = ["inputs", "steps"];
  const inside = step.forEach === undefined ? outside : [...outside, "each"];
  const programs: [Path, CelProgram][] = [];
  const keep = (path: Path, program: CelProgram | undefined) => {
    if (program !== undefined) programs.push([path, program]);
  };
  for (const program of ruleCelTree(runbook, [...at, "with"], step.with ?? {}, inside))
    keep([...at, "with"], program);
  if (step.when !== undefined) keep([...at, "when"], ruleCel(runbook, [...at, "when"], step.when, outside));
  if (step.forEach !== undefined) {
    keep([...at, "forEach", "in"], ruleCel(runbook, [...at, "forEach", "in"], step.forEach.in, outside));
    const { key } = step.forEach;
    if (key !== undefined)
      keep([...at, "forEach", "key"], ruleCel(runbook, [...at, "forEach", "key"], key, inside));
  }
  for (const [path, program] of programs) ruleStepReferences(runbook, step, path, program, steps);
  ruleDuration(runbook, [...at, "timeout"], step.timeout);
  ruleApproval(runbook, [...at, "gates", "approval"], step.gates?.approval);
}

/**
 * A step reads only what has surely ended when it is decided, so that its action cannot change under an approval:
 * with `needs` the steps that it needs, directly or through others; without, those that stand before it.
 */
function ruleStepReferences(
  runbook: Inspection<Runbook>,
  step: RunbookStep,
  at: Path,
  program: CelProgram,
  steps: readonly StepNeeds[],
): void {
  const self = steps.findIndex(({ id }) => id === step.id);
  for (const name of program.members.get("steps") ?? []) {
    if (name === "*") {
      runbook.report(at, "cel", "`steps` is read by a step's name only, as in `steps.dns.outputs`");
      continue;
    }
    const other = steps.findIndex(({ id }) => id === name);
    if (other === -1) runbook.report(at, "unknown-reference", `\`${name}\` is not a step of this runbook`);
    else if (other === self) runbook.report(at, "unknown-reference", "a step cannot read its own outcome");
    else if (step.needs === undefined && other > self) {
      runbook.report(at, "unknown-reference", `step \`${name}\` comes later; name it in \`needs\``);
    } else if (step.needs !== undefined && !neededBy(step.id, steps).has(name)) {
      const message = `step \`${name}\` may still be open when this one runs; name it in \`needs\``;
      runbook.report(at, "unknown-reference", message);
    }
  }
}
