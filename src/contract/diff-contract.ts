import { bytesOfSize, millisOfDuration } from "../format/duration.ts";
import { approvalStrength } from "./approval-strength.ts";
import { type Change, type ChangeList, changeList, listChanges, sameJson } from "./change.ts";
import type { ArtifactRule, Contract } from "./contract.ts";
import { diffInputs, diffOutputs } from "./diff-schema.ts";
import { effects, idempotencies, sensitivities } from "./vocabulary.ts";

/**
 * What changed in the boundary between two versions of a contract, and whether that is breaking: the
 * boundary got weaker, or a runbook that used the old version would notice.
 */
export function diffContracts(before: Contract, after: Contract): readonly Change[] {
  const to = changeList();
  if (before.id !== after.id) to.breaking("id", `another contract: \`${before.id}\` became \`${after.id}\``);
  diffOrder("effect", "effect", effects, before.effect, after.effect, to);
  diffInputs(before.inputs, after.inputs, to);
  diffOutputs(before.outputs, after.outputs, to);
  diffErrors(before, after, to);
  diffScope(before, after, to);
  diffAuthority(before, after, to);
  diffExecution(before, after, to);
  diffEvidence(before, after, to);
  if (!sameJson(before.failure, after.failure))
    to.breaking("failure", "what happens after a failure changed");
  const external = listChanges([before.boundary.external].flat(), [after.boundary.external].flat());
  if (external.added.length + external.removed.length > 0) {
    to.note("boundary.external", "what the external system controls is described otherwise");
  }
  if (before.attests !== after.attests) to.breaking("attests", "what a valid proof says changed");
  if (before.doesNotAttest !== after.doesNotAttest) {
    to.breaking("doesNotAttest", "what a valid proof does not say changed");
  }
  for (const key of ["title", "purpose", "nonGoals", "docUrl", "system"] as const) {
    if (!sameJson(before[key], after[key])) to.note(key, `${key} changed`);
  }
  return to.all;
}

/** Values ordered from the least to the most demanding. */
function diffOrder<T>(
  path: string,
  name: string,
  order: readonly T[],
  before: T,
  after: T,
  to: ChangeList,
): void {
  const by = order.indexOf(after) - order.indexOf(before);
  if (by > 0) to.breaking(path, `${name} raised from ${before} to ${after}`);
  if (by < 0) to.note(path, `${name} lowered from ${before} to ${after}`);
}

function diffErrors(before: Contract, after: Contract, to: ChangeList): void {
  const old = new Map(before.errors.map((error) => [error.class, error]));
  for (const error of after.errors) {
    const known = old.get(error.class);
    const path = `errors.${error.class}`;
    if (known === undefined) to.note(path, `error class \`${error.class}\` added`);
    else if (!sameJson(known, error)) to.breaking(path, `error class \`${error.class}\` changed`);
    old.delete(error.class);
  }
  for (const name of old.keys()) to.breaking(`errors.${name}`, `error class \`${name}\` removed`);
}

function diffScope(before: Contract, after: Contract, to: ChangeList): void {
  // More places to connect to, or more done there, is wider; a subject less is a target not gated.
  for (const key of ["endpoints", "actions"] as const) {
    const { added, removed } = listChanges<unknown>(before.scope[key], after.scope[key]);
    for (const item of added) to.breaking(`scope.${key}`, `wider scope: ${show(item)} added`);
    for (const item of removed) to.note(`scope.${key}`, `narrower scope: ${show(item)} removed`);
  }
  const subjects = listChanges(before.scope.subjects, after.scope.subjects);
  for (const item of subjects.removed)
    to.breaking("scope.subjects", `wider scope: ${show(item)} is no longer checked`);
  for (const item of subjects.added) to.breaking("scope.subjects", `other scope: ${show(item)} added`);
  const disallowed = listChanges(before.scope.disallowed, after.scope.disallowed);
  for (const item of disallowed.removed)
    to.breaking("scope.disallowed", `wider scope: \`${item}\` is no longer disallowed`);
  for (const item of disallowed.added)
    to.note("scope.disallowed", `narrower scope: \`${item}\` is disallowed`);
}

function diffAuthority(before: Contract, after: Contract, to: ChangeList): void {
  const roles = listChanges(before.authority.roles, after.authority.roles);
  for (const role of roles.added) to.breaking("authority.roles", `weaker authority: \`${role}\` may run it`);
  for (const role of roles.removed) to.breaking("authority.roles", `\`${role}\` may no longer run it`);
  const [old, now] = [before.authority.approval, after.authority.approval];
  if (sameJson(old, now)) return;
  if (approvalStrength(now) > approvalStrength(old)) {
    to.note("authority.approval", `stronger authority: approval is ${show(now)}`);
  } else to.breaking("authority.approval", `weaker authority: approval is ${show(now)}, was ${show(old)}`);
}

function diffExecution({ execution: old }: Contract, { execution: now }: Contract, to: ChangeList): void {
  diffOrder("execution.idempotency", "doubt", idempotencies, old.idempotency, now.idempotency, to);
  const isolations = ["none", "preferred", "required"] as const;
  diffOrder(
    "execution.isolation",
    "isolation",
    isolations.toReversed(),
    old.isolation ?? "none",
    now.isolation ?? "none",
    to,
  );
  for (const key of ["adapter", "with", "outputs", "confirm"] as const) {
    if (!sameJson(old[key], now[key])) to.breaking(`execution.${key}`, `\`${key}\` changed`);
  }
  const secrets = listChanges(old.secrets ?? [], now.secrets ?? []);
  for (const { name } of secrets.added)
    to.breaking("execution.secrets", `secret \`${name}\` is used otherwise or anew`);
  for (const { name } of secrets.removed)
    to.note("execution.secrets", `secret \`${name}\` was used otherwise or not at all now`);
  if (millisOfDuration(now.timeout) !== millisOfDuration(old.timeout)) {
    const longer = millisOfDuration(now.timeout) > millisOfDuration(old.timeout);
    to.note(
      "execution.timeout",
      `${longer ? "longer" : "shorter"} deadline: ${now.timeout}, was ${old.timeout}`,
    );
  }
  if (!sameJson(old.retry, now.retry)) to.note("execution.retry", "retry changed");
}

function diffEvidence({ evidence: old }: Contract, { evidence: now }: Contract, to: ChangeList): void {
  const before = new Map<string, ArtifactRule>(old.artifacts.map((artifact) => [artifact.name, artifact]));
  for (const artifact of now.artifacts) {
    const path = `evidence.artifacts.${artifact.name}`;
    const known = before.get(artifact.name);
    before.delete(artifact.name);
    if (known === undefined) {
      to.note(path, `artifact \`${artifact.name}\` added`);
      continue;
    }
    diffOrder(path, "sensitivity", sensitivities, known.sensitivity, artifact.sensitivity, to);
    if (known.required && !artifact.required)
      to.breaking(path, `fewer artifacts: \`${artifact.name}\` is no longer required`);
    if (!known.required && artifact.required) to.note(path, `artifact \`${artifact.name}\` is now required`);
    if (known.requiredOnFailure === true && artifact.requiredOnFailure !== true) {
      to.breaking(path, `fewer artifacts: \`${artifact.name}\` is no longer required on failure`);
    }
    if (known.mediaType !== artifact.mediaType)
      to.breaking(path, `media type of \`${artifact.name}\` changed`);
  }
  for (const name of before.keys())
    to.breaking(`evidence.artifacts.${name}`, `fewer artifacts: \`${name}\` removed`);
  if (bytesOfSize(now.maxBytes) !== bytesOfSize(old.maxBytes)) {
    to.note("evidence.maxBytes", `at most ${now.maxBytes}, was ${old.maxBytes}`);
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return `\`${value}\``;
  return Object.entries(value as object)
    .map(([key, part]) => `${key} ${typeof part === "object" ? JSON.stringify(part) : part}`)
    .join(", ");
}
