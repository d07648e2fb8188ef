import { millisOfDuration } from "../format/duration.ts";
import type { Json } from "../format/json.ts";
import { approvalStrength } from "./approval-strength.ts";
import { compileCel } from "./cel.ts";
import { expressionsOf } from "./cel-tree.ts";
import type { Contract } from "./contract.ts";
import { type Finding, type FindingList, findingList } from "./finding.ts";
import type { Runbook, RunbookStep } from "./runbook.ts";
import { membersOf, neededOf } from "./schema-members.ts";
import { lintUndecided } from "./undecided.ts";

/**
 * Says what is wrong with a runbook that parses, against the contracts it names: all of it at once.
 *
 * @param contracts by `id@version`.
 */
export function lintRunbook(runbook: Runbook, contracts: ReadonlyMap<string, Contract>): readonly Finding[] {
  const to = findingList();
  lintUndecided(runbook as unknown as Json, to);
  for (const [index, step] of runbook.steps.entries()) {
    const contract = contracts.get(step.uses);
    if (contract === undefined)
      to.error(`steps[${index}].uses`, `there is no contract \`${step.uses}\` in the catalog`);
    else lintStep(step, contract, `steps[${index}]`, to);
  }
  lintInputs(runbook, to);
  lintEvidence(runbook, contracts, to);
  return to.all;
}

function lintStep(step: RunbookStep, contract: Contract, at: string, to: FindingList): void {
  const given = step.with ?? {};
  const { properties, closed } = membersOf(contract.inputs);
  for (const name of neededOf(contract.inputs)) {
    if (!Object.hasOwn(given, name))
      to.error(`${at}.with.${name}`, `is missing: \`${step.uses}\` requires it`);
  }
  for (const name of Object.keys(given)) {
    if (closed && !Object.hasOwn(properties, name))
      to.error(`${at}.with.${name}`, `is not an input of \`${step.uses}\``);
  }
  const { execution, authority } = contract;
  if (step.timeout !== undefined && millisOfDuration(step.timeout) > millisOfDuration(execution.timeout)) {
    to.error(
      `${at}.timeout`,
      `is longer than the contract's ${execution.timeout}: a step may only shorten it`,
    );
  }
  const attempts = execution.retry?.attempts ?? 1;
  if (step.retry !== undefined && step.retry.attempts > attempts) {
    to.error(`${at}.retry.attempts`, `is more than the contract's ${attempts}: a step may only lower it`);
  }
  const rule = step.gates?.approval;
  if (rule !== undefined && approvalStrength(rule) < approvalStrength(authority.approval)) {
    to.error(`${at}.gates.approval`, "is weaker than the contract's: a step may only tighten it");
  }
  if (step.forEach !== undefined && contract.effect === "destructive") {
    to.warning(`${at}.forEach`, "repeats a destructive action");
  }
}

function lintInputs(runbook: Runbook, to: FindingList): void {
  const { properties, closed, required } = membersOf(runbook.inputs);
  if (!closed)
    to.warning("inputs.additionalProperties", "should be `false`: a misspelt input would be ignored");
  const scope = [...runbook.scope.include, ...(runbook.scope.exclude ?? [])].filter(
    (entry) => typeof entry === "object",
  );
  const texts = [
    ...scope.map(({ from }) => from),
    ...runbook.steps.flatMap(({ with: tree, when, forEach }) => [
      ...expressionsOf(tree ?? {}).map(({ text }) => text),
      ...[when, forEach?.in, forEach?.key].filter((text) => text !== undefined),
    ]),
  ];
  const read = new Set<string>();
  for (const text of texts) {
    const compiled = compileCel(text, ["inputs", "steps", "each"]);
    for (const name of compiled.ok ? (compiled.program.members.get("inputs") ?? []) : []) read.add(name);
  }
  for (const name of required) {
    if (!Object.hasOwn(properties, name))
      to.error(`inputs.properties.${name}`, "is missing: the input is required");
  }
  if (read.has("*")) return;
  for (const name of Object.keys(properties)) {
    if (!read.has(name)) to.warning(`inputs.properties.${name}`, "is never read");
  }
  for (const name of read) {
    if (closed && !Object.hasOwn(properties, name))
      to.error(`inputs.properties.${name}`, "is missing: an expression reads it");
  }
}

function lintEvidence(runbook: Runbook, contracts: ReadonlyMap<string, Contract>, to: FindingList): void {
  for (const [index, reference] of (runbook.evidence?.require ?? []).entries()) {
    const [id, name] = reference.split("/", 2);
    const step = runbook.steps.find((candidate) => candidate.id === id);
    const contract = step === undefined ? undefined : contracts.get(step.uses);
    if (name === undefined || contract === undefined) continue;
    if (!contract.evidence.artifacts.some((artifact) => artifact.name === name)) {
      to.error(`evidence.require[${index}]`, `\`${step?.uses}\` has no artifact \`${name}\``);
    }
  }
}
