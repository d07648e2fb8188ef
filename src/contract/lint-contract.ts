import { millisOfDuration } from "../format/duration.ts";
import type { Json } from "../format/json.ts";
import { approvalStrength } from "./approval-strength.ts";
import { isAwaiting } from "./awaited.ts";
import { compileCel } from "./cel.ts";
import { expressionsOf } from "./cel-tree.ts";
import type { Contract } from "./contract.ts";
import { type Finding, type FindingList, findingList } from "./finding.ts";
import { lintSecrets } from "./lint-secrets.ts";
import { readBackProblems } from "./read-back.ts";
import { membersOf, neededOf } from "./schema-members.ts";
import { lintUndecided } from "./undecided.ts";

/**
 * Says what a reviewer would send back about a contract that parses: all of it at once. That every part of
 * design section 3 is there at all is the parser's business.
 *
 * @param options.adapters ids of the adapters there are; default: not checked.
 * @param options.contracts the catalog by `id@version`, where a read-back is looked up; default: not checked.
 */
export function lintContract(
  contract: Contract,
  options: { adapters?: readonly string[]; contracts?: ReadonlyMap<string, Contract> } = {},
): readonly Finding[] {
  const to = findingList();
  lintUndecided(contract as unknown as Json, to);
  lintEffect(contract, to);
  lintData(contract, to);
  lintErrors(contract, to);
  lintSecrets(contract, to);
  lintWaiting(contract, to);
  lintReadBack(contract, options.contracts, to);
  lintPages(contract, to);
  const { execution, evidence, failure, docUrl } = contract;
  if (options.adapters !== undefined && !options.adapters.includes(execution.adapter)) {
    to.error(
      "execution.adapter",
      `there is no adapter \`${execution.adapter}\`; there are ${options.adapters.join(", ")}`,
    );
  }
  if (!evidence.artifacts.some(({ required }) => required)) {
    to.error(
      "evidence.artifacts",
      "at least one artifact must be required: a call without evidence proves nothing",
    );
  }
  if (failure.onFailure === "escalate" && failure.escalateTo === undefined) {
    to.error("failure.escalateTo", "is missing: `escalate` names whom to");
  }
  if (docUrl === undefined) to.warning("docUrl", "is missing: a reviewer wants to read what is called");
  return to.all;
}

function lintEffect(contract: Contract, to: FindingList): void {
  const { effect, authority, execution, boundary } = contract;
  const strength = approvalStrength(authority.approval);
  if (effect === "destructive" && strength < approvalStrength("designated")) {
    to.error("authority.approval", "a destructive action needs `designated` approval or a quorum");
  }
  if (effect === "intrusive" && strength === 0) {
    to.warning("authority.approval", "an intrusive action usually needs an approval");
  }
  if ((effect === "write" || effect === "destructive") && execution.idempotency === "safe") {
    to.error("execution.idempotency", `a ${effect} action is not \`safe\`: say \`idempotent\` or \`unsafe\``);
  }
  if (effect === "read" && execution.idempotency === "unsafe") {
    to.error("execution.idempotency", "an action that is not to be repeated is not a `read`");
  }
  const { isolation } = execution;
  if (execution.adapter !== "exec") {
    if (isolation === "required" || isolation === "preferred")
      to.error(
        "execution.isolation",
        "only tools of the adapter `exec` can be isolated: say `none`, or leave it out",
      );
    return;
  }
  if (isolation === "required" || isolation === "preferred") lintIsolation(contract, to);
  if (Array.isArray(boundary.external)) {
    to.error(
      "boundary.external",
      "a tool makes its own connections: say by row what it and the system control",
    );
  }
  if (execution.isolation === undefined) {
    to.warning(
      "execution.isolation",
      "is missing: say `required`, `preferred` or `none`, so that nobody reads more into it",
    );
  }
}

/** What an isolated tool can be offered: TCP connections to ports that are known before it runs. */
function lintIsolation({ scope, execution }: Contract, to: FindingList): void {
  scope.endpoints.forEach((endpoint, index) => {
    if ("url" in endpoint) return;
    if (endpoint.protocol === "udp")
      to.error(`scope.endpoints[${index}]`, "an isolated tool cannot be offered UDP: say `isolation: none`");
    if (endpoint.port === undefined && execution.with.ports === undefined)
      to.error(
        "execution.with.ports",
        "is missing: an isolated tool is offered ports that are named before it runs",
      );
  });
}

function lintData(contract: Contract, to: FindingList): void {
  const { inputs, outputs, execution, scope } = contract;
  const declared = membersOf(outputs);
  for (const name of declared.required) {
    if (!Object.hasOwn(execution.outputs, name))
      to.error(`execution.outputs.${name}`, "is missing: the output is required");
  }
  for (const name of Object.keys(execution.outputs)) {
    if (!Object.hasOwn(declared.properties, name))
      to.error(`outputs.properties.${name}`, "is missing: the output is mapped");
  }
  const given = membersOf(inputs);
  if (!given.closed)
    to.warning("inputs.additionalProperties", "should be `false`: a misspelt input would be ignored");
  for (const name of given.required) {
    if (!Object.hasOwn(given.properties, name))
      to.error(`inputs.properties.${name}`, "is missing: the input is required");
  }
  const read = new Set<string>();
  const trees = [
    execution.with,
    execution.outputs,
    execution.confirm?.with,
    scope.subjects.map(({ from }) => from),
    scope.endpoints,
  ];
  for (const { text } of trees.flatMap((tree) => expressionsOf(tree))) {
    const compiled = compileCel(text, ["idempotencyKey", "inputs", "result"]);
    for (const name of compiled.ok ? (compiled.program.members.get("inputs") ?? []) : []) read.add(name);
  }
  if (read.has("*")) return;
  for (const name of Object.keys(given.properties)) {
    if (!read.has(name)) to.warning(`inputs.properties.${name}`, "is never read");
  }
  for (const name of read) {
    if (given.closed && !Object.hasOwn(given.properties, name))
      to.error(`inputs.properties.${name}`, "is missing: an expression reads it");
  }
}

function lintErrors({ errors, execution, scope }: Contract, to: FindingList): void {
  if (scope.endpoints.length > 0 && !errors.some(({ side }) => side === "external")) {
    to.error("errors", "name at least one way in which the external system fails");
  }
  for (const [index, { when }] of errors.entries()) {
    if (when.trim() === "true" && index < errors.length - 1) {
      to.error(`errors[${index}].when`, "is always true: the classes after it never apply");
    }
  }
  for (const [index, name] of (execution.retry?.on ?? []).entries()) {
    const declared = errors.find((error) => error.class === name);
    if (declared?.retryable === false) {
      to.error(`execution.retry.on[${index}]`, `\`${name}\` is declared as not retryable`);
    }
  }
}

/** A call that waits for somebody or something changes nothing outside, and its form is what its outputs say. */
function lintWaiting(contract: Contract, to: FindingList): void {
  if (!isAwaiting(contract)) return;
  const { effect, execution, scope } = contract;
  if (effect !== "read") to.error("effect", "must be `read`: it calls nobody");
  if (execution.idempotency !== "safe") to.error("execution.idempotency", "must be `safe`: it calls nobody");
  if (scope.endpoints.length > 0) to.error("scope.endpoints", "must be empty: it calls nobody");
  if (execution.adapter !== "manual") return;
  const allowed = /^\s*result\.(answer\.[A-Za-z_][A-Za-z0-9_]*|by|signedAt|task)\s*$/;
  for (const [name, tree] of Object.entries(execution.outputs)) {
    if (typeof tree === "string" && allowed.test(tree)) continue;
    to.error(
      `execution.outputs.${name}`,
      "is no field of a form: say `result.answer.<field>`, `result.by` or `result.signedAt`",
    );
  }
}

/** Every page that may be asked for has an artifact. */
function lintPages({ execution, evidence }: Contract, to: FindingList): void {
  const { pagination } = execution.with;
  if (execution.adapter !== "openapi" || typeof pagination !== "object" || pagination === null) return;
  const maxPages = Reflect.get(pagination, "maxPages");
  if (typeof maxPages !== "number") {
    to.error("execution.with.pagination.maxPages", "must be a number: each page has an artifact of its own");
    return;
  }
  for (let page = 2; page <= Math.min(maxPages, MAX_PAGES); page++) {
    if (!evidence.artifacts.some(({ name }) => name === `page-${page}`))
      to.error("evidence.artifacts", `\`page-${page}\` is missing: up to ${maxPages} pages are asked for`);
  }
}

/** As the `openapi` adapter bounds them. */
const MAX_PAGES = 25;

function lintReadBack(
  { execution: { confirm, timeout } }: Contract,
  contracts: ReadonlyMap<string, Contract> | undefined,
  to: FindingList,
): void {
  if (confirm === undefined || confirm === null) return;
  if (millisOfDuration(confirm.after) < millisOfDuration(timeout))
    to.error(
      "execution.confirm.after",
      `is shorter than the timeout of ${timeout}: the call may still be under way`,
    );
  if (contracts === undefined) return;
  const reading = contracts.get(confirm.uses);
  if (reading === undefined)
    to.error("execution.confirm.uses", `there is no contract \`${confirm.uses}\` in the catalog`);
  for (const problem of reading === undefined ? [] : readBackProblems(reading))
    to.error("execution.confirm.uses", `\`${confirm.uses}\` ${problem}`);
  const { properties, closed } = membersOf(reading?.inputs ?? {});
  for (const name of reading === undefined ? [] : neededOf(reading.inputs)) {
    if (!Object.hasOwn(confirm.with, name))
      to.error(`execution.confirm.with.${name}`, `is missing: \`${confirm.uses}\` requires it`);
  }
  for (const name of Object.keys(confirm.with)) {
    if (reading !== undefined && closed && !Object.hasOwn(properties, name))
      to.error(`execution.confirm.with.${name}`, `is not an input of \`${confirm.uses}\``);
  }
}
