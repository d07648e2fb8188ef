import type { Json, JsonObject } from "../format/json.ts";
import type { ActionEndpoint, ActionSubject } from "./action-document.ts";
import { evaluateCel } from "./cel.ts";
import type { Contract } from "./contract.ts";
import type { Runbook } from "./runbook.ts";
import { parseHost } from "./scope-host.ts";
import { parseScopePattern } from "./scope-pattern.ts";
import { parseScopeUrl } from "./scope-url.ts";

type Resolved<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly faults: readonly string[] };

const MAX_SUBJECTS = 1000;
const MAX_VALUE = 2000;

/**
 * What an action is about and where its connections may go, computed by CEL from validated inputs. A value
 * that is not one clear target (empty, a decimal or octal address, a name that cannot exist) is a fault, and
 * all faults are listed. Pure: the verifier computes the same again.
 */
export function resolveAction(
  contract: Contract,
  inputs: JsonObject,
): Resolved<{ subjects: readonly ActionSubject[]; endpoints: readonly ActionEndpoint[] }> {
  const faults: string[] = [];
  const subjects: ActionSubject[] = [];
  const endpoints: ActionEndpoint[] = [];
  for (const [index, { kind, from }] of contract.scope.subjects.entries()) {
    for (const value of textsOf(from, inputs, `scope.subjects[${index}]`, faults)) {
      const pattern = value.includes("*") ? undefined : parseScopePattern(`${kind}:${value}`);
      if (pattern?.ok) subjects.push({ kind, value });
      else
        faults.push(
          `\`scope.subjects[${index}]\`: \`${shorten(value)}\` is not a target: ${pattern?.message ?? "`*` names more than one"}`,
        );
    }
  }
  for (const [index, endpoint] of contract.scope.endpoints.entries()) {
    const at = `scope.endpoints[${index}]`;
    const found =
      "url" in endpoint
        ? endpointsOfUrl(endpoint.url, inputs, at, faults)
        : endpointsOfHost(endpoint, inputs, at, faults);
    endpoints.push(...found);
  }
  if (faults.length === 0 && subjects.length === 0)
    faults.push("`scope.subjects`: the action has no subject");
  if (subjects.length > MAX_SUBJECTS || endpoints.length > MAX_SUBJECTS) {
    faults.push(`an action has at most ${MAX_SUBJECTS} subjects and endpoints`);
  }
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, subjects: unique(subjects), endpoints: unique(endpoints) };
}

/** A runbook's scope with its `from` expressions computed from the run's inputs, as pattern texts. */
export function resolveRunbookScope(
  runbook: Runbook,
  inputs: JsonObject,
): Resolved<{ include: readonly string[]; exclude: readonly string[] }> {
  const faults: string[] = [];
  const resolve = (entries: Runbook["scope"]["include"], name: string): string[] =>
    entries.flatMap((entry, index) => {
      const at = `scope.${name}[${index}]`;
      if (typeof entry === "string") return [entry];
      return textsOf(entry.from, inputs, at, faults).flatMap((value) => {
        // A wildcard from an input would widen what the author wrote.
        const pattern = value.includes("*") ? undefined : parseScopePattern(`${entry.kind}:${value}`);
        if (pattern?.ok) return [`${entry.kind}:${value}`];
        faults.push(
          `\`${at}\`: \`${shorten(value)}\` is not a target: ${pattern?.message ?? "`*` names more than one"}`,
        );
        return [];
      });
    });
  const include = resolve(runbook.scope.include, "include");
  const exclude = resolve(runbook.scope.exclude ?? [], "exclude");
  return faults.length > 0 ? { ok: false, faults } : { ok: true, include, exclude };
}

function endpointsOfHost(
  endpoint: Extract<Contract["scope"]["endpoints"][number], { host: string }>,
  inputs: JsonObject,
  at: string,
  faults: string[],
): ActionEndpoint[] {
  const protocol = endpoint.protocol ?? "tcp";
  const ports = portsOf(endpoint.port, inputs, `${at}.port`, faults);
  return textsOf(endpoint.host, inputs, `${at}.host`, faults).flatMap((host) => {
    if (parseHost(host) === undefined) {
      faults.push(`\`${at}.host\`: \`${shorten(host)}\` is not a host`);
      return [];
    }
    return ports.map((port) => (port === undefined ? { host, protocol } : { host, port, protocol }));
  });
}

function endpointsOfUrl(
  expression: string,
  inputs: JsonObject,
  at: string,
  faults: string[],
): ActionEndpoint[] {
  return textsOf(expression, inputs, `${at}.url`, faults).flatMap((text) => {
    const url = parseScopeUrl(text);
    if (url === undefined) {
      faults.push(`\`${at}.url\`: \`${shorten(text)}\` is not an http or https URL`);
      return [];
    }
    return [
      { host: new URL(text).hostname.replace(/^\[|\]$/g, ""), port: url.port, protocol: "tcp" as const },
    ];
  });
}

function portsOf(
  port: string | number | undefined,
  inputs: JsonObject,
  at: string,
  faults: string[],
): (number | undefined)[] {
  if (port === undefined) return [undefined];
  const value = typeof port === "number" ? port : computed(port, inputs, at, faults);
  if (value === undefined) return [];
  const list: readonly Json[] = Array.isArray(value) ? value : [value];
  return list.flatMap((item) => {
    if (typeof item === "number" && Number.isInteger(item) && item >= 1 && item <= 65_535) return [item];
    faults.push(`\`${at}\`: \`${shorten(JSON.stringify(item))}\` is not a port`);
    return [];
  });
}

function textsOf(expression: string, inputs: JsonObject, at: string, faults: string[]): string[] {
  const value = computed(expression, inputs, at, faults);
  if (value === undefined) return [];
  const list: readonly Json[] = Array.isArray(value) ? value : [value];
  return list.flatMap((item) => {
    if (typeof item === "string" && item !== "" && item.length <= MAX_VALUE) return [item];
    const what = item === "" ? "an empty target" : "not a target";
    faults.push(`\`${at}\`: \`${shorten(JSON.stringify(item))}\` is ${what}`);
    return [];
  });
}

function computed(expression: string, inputs: JsonObject, at: string, faults: string[]): Json | undefined {
  const result = evaluateCel(expression, { inputs });
  if (result.ok) return result.value;
  faults.push(`\`${at}\`: ${result.message}`);
  return undefined;
}

function unique<T extends object>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
