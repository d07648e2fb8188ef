import { approvalStrength } from "./approval-strength.ts";
import { type Change, type ChangeList, changeList, listChanges, sameJson } from "./change.ts";
import { diffInputs } from "./diff-schema.ts";
import type { Runbook, RunbookStep } from "./runbook.ts";
import { classifications } from "./vocabulary.ts";

/** What changed between two versions of a runbook, and whether that is breaking (see `diffContracts`). */
export function diffRunbooks(before: Runbook, after: Runbook): readonly Change[] {
  const to = changeList();
  if (before.id !== after.id) to.breaking("id", `another runbook: \`${before.id}\` became \`${after.id}\``);
  const rank = (runbook: Runbook) => classifications.indexOf(runbook.classification);
  if (rank(after) !== rank(before)) {
    const change = `classification is ${after.classification}, was ${before.classification}`;
    if (rank(after) < rank(before)) to.breaking("classification", change);
    else to.note("classification", change);
  }
  if (before.owner !== after.owner) to.breaking("owner", `owner is ${after.owner}, was ${before.owner}`);
  diffInputs(before.inputs, after.inputs, to);
  diffScope(before, after, to);
  diffSteps(before, after, to);
  const required = listChanges(before.evidence?.require ?? [], after.evidence?.require ?? []);
  for (const name of required.removed)
    to.breaking("evidence.require", `fewer artifacts: \`${name}\` is no longer required`);
  for (const name of required.added) to.note("evidence.require", `\`${name}\` is now required`);
  for (const key of ["title", "objective", "technique", "source"] as const) {
    if (!sameJson(before[key], after[key])) to.note(key, `${key} changed`);
  }
  return to.all;
}

function diffScope(before: Runbook, after: Runbook, to: ChangeList): void {
  const show = (entry: Runbook["scope"]["include"][number]) =>
    typeof entry === "string" ? `\`${entry}\`` : `${entry.kind} from \`${entry.from}\``;
  const include = listChanges(before.scope.include, after.scope.include);
  for (const entry of include.added) to.breaking("scope.include", `wider scope: ${show(entry)} added`);
  for (const entry of include.removed) to.note("scope.include", `narrower scope: ${show(entry)} removed`);
  const exclude = listChanges(before.scope.exclude ?? [], after.scope.exclude ?? []);
  for (const entry of exclude.removed)
    to.breaking("scope.exclude", `wider scope: ${show(entry)} is no longer excluded`);
  for (const entry of exclude.added) to.note("scope.exclude", `narrower scope: ${show(entry)} excluded`);
}

function diffSteps(before: Runbook, after: Runbook, to: ChangeList): void {
  const old = new Map(before.steps.map((step) => [step.id, step]));
  for (const step of after.steps) {
    const known = old.get(step.id);
    if (known === undefined) to.breaking(`steps.${step.id}`, `step \`${step.id}\` added: ${step.uses}`);
    else diffStep(known, step, to);
  }
  const kept = after.steps.filter(({ id }) => old.has(id)).map(({ id }) => id);
  for (const { id } of before.steps) {
    if (!kept.includes(id)) to.breaking(`steps.${id}`, `step \`${id}\` removed`);
  }
  const order = before.steps.map(({ id }) => id).filter((id) => kept.includes(id));
  if (!sameJson(order, kept)) to.breaking("steps", "the order of steps changed");
}

function diffStep(before: RunbookStep, after: RunbookStep, to: ChangeList): void {
  const at = `steps.${after.id}`;
  if (before.uses !== after.uses) to.breaking(`${at}.uses`, `calls ${after.uses}, was ${before.uses}`);
  const strength = (step: RunbookStep) => approvalStrength(step.gates?.approval ?? "none");
  if (strength(after) < strength(before))
    to.breaking(`${at}.gates.approval`, "weaker authority: the step's approval");
  else if (!sameJson(before.gates, after.gates))
    to.note(`${at}.gates.approval`, "the step's approval changed");
  for (const key of ["with", "when", "forEach", "needs", "onFailure"] as const) {
    if (!sameJson(before[key], after[key])) to.breaking(`${at}.${key}`, `\`${key}\` changed`);
  }
  for (const key of ["title", "timeout", "retry"] as const) {
    if (!sameJson(before[key], after[key])) to.note(`${at}.${key}`, `\`${key}\` changed`);
  }
}
