import type { Json, JsonObject } from "../../format/json.ts";
import { type Change, changeList, listChanges, sameJson } from "../change.ts";
import { compareSchemas } from "./compare-schemas.ts";
import { type Operation, type OperationContent, operationName } from "./operation.ts";

/** What became of an operation that a contract pins. */
export interface OperationDrift {
  /**
   * `gone`: there is no such operation; `breaking`: calls or their readers would not fit any more; `narrowed`: it takes
   * or answers less, so that some calls may not fit; `widened`: it takes or answers more than was reviewed; `reworded`:
   * its words changed, or what decides nothing.
   */
  readonly kind: "gone" | "breaking" | "narrowed" | "widened" | "reworded";
  readonly changes: readonly Change[];
}

/** Compares an operation, as its description has it now, with the one that was pinned and reviewed. */
export function driftOfOperation(old: Operation, now: Operation | undefined): OperationDrift {
  if (now === undefined) return { kind: "gone", changes: [] };
  const to = changeList();
  const kinds = new Set<"narrowed" | "widened">();
  const widened = (path: string, change: string) => {
    kinds.add("widened");
    to.note(path, change);
  };
  const narrowed = (path: string, change: string) => {
    kinds.add("narrowed");
    to.note(path, change);
  };
  const report = { widened, narrowed, breaking: to.breaking };
  if (operationName(old) !== operationName(now))
    to.breaking("path", `\`${operationName(old)}\` is \`${operationName(now)}\` now`);
  if (old.server !== now.server) widened("servers", `the first server is ${now.server ?? "not static"} now`);
  compareParameters(old, now, report);
  compareBodies(old, now, report);
  compareResponses(old, now, report);
  if (!sameJson([old.security, old.schemes], [now.security, now.schemes]))
    to.breaking("security", "who may call it, or how they say who they are, changed");
  const { all } = to;
  const kind = all.some(({ breaking }) => breaking)
    ? "breaking"
    : kinds.has("narrowed")
      ? "narrowed"
      : kinds.has("widened")
        ? "widened"
        : "reworded";
  return { kind, changes: all };
}

interface Report {
  widened(path: string, change: string): void;
  narrowed(path: string, change: string): void;
  breaking(path: string, change: string): void;
}

function compareParameters(old: Operation, now: Operation, to: Report): void {
  const key = ({ in: place, name }: Operation["parameters"][number]) => `${place} ${name}`;
  const before = new Map(old.parameters.map((parameter) => [key(parameter), parameter]));
  for (const parameter of now.parameters) {
    const known = before.get(key(parameter));
    before.delete(key(parameter));
    const at = `parameters.${parameter.in}.${parameter.name}`;
    const what = `${parameter.in} parameter \`${parameter.name}\``;
    if (known === undefined) {
      if (parameter.required) to.breaking(at, `${what} is new and required`);
      else to.widened(at, `${what} is new`);
      continue;
    }
    if (parameter.required && !known.required) to.breaking(at, `${what} is required now`);
    if (!parameter.required && known.required) to.widened(at, `${what} is no longer required`);
    const form = ({ style, explode, allowReserved, json }: typeof parameter) => [
      style,
      explode,
      allowReserved,
      json,
    ];
    if (!sameJson(form(known), form(parameter))) to.breaking(at, `${what} is written in another style`);
    compareRequest(at, what, [old, known.schema], [now, parameter.schema], to);
  }
  for (const { in: place, name } of before.values())
    to.breaking(`parameters.${place}.${name}`, `${place} parameter \`${name}\` is gone`);
}

type Side = readonly [operation: Operation, schema: unknown];

function rooted([operation, schema]: Side) {
  return { schema: (schema ?? true) as Json, definitions: operation.$defs as JsonObject };
}

function compareRequest(at: string, what: string, old: Side, now: Side, to: Report): void {
  switch (compareSchemas(rooted(old), rooted(now), false)) {
    case "widened":
      to.widened(at, `${what} takes more`);
      break;
    case "narrowed":
      to.narrowed(at, `${what} takes less`);
      break;
    case "changed":
      to.breaking(at, `${what} takes something else`);
      break;
    default:
  }
}

function compareBodies(
  { body: before, ...old }: Operation,
  { body: after, ...now }: Operation,
  to: Report,
): void {
  if (before === undefined || after === undefined) {
    if (before !== undefined) to.breaking("body", "it takes no body any more");
    else if (after?.required === true) to.breaking("body", "it needs a body now");
    else if (after !== undefined) to.widened("body", "it takes a body now");
    return;
  }
  if (after.required && !before.required) to.breaking("body", "the body is required now");
  if (!after.required && before.required) to.widened("body", "the body is no longer required");
  const types = listChanges(Object.keys(before.content), Object.keys(after.content));
  for (const type of types.added) to.widened(`body.${type}`, `the body may be \`${type}\``);
  for (const type of types.removed) to.breaking(`body.${type}`, `the body may no longer be \`${type}\``);
  for (const type of shared(before.content, after.content)) {
    const sides = [
      [old, before.content[type]?.schema] as const,
      [now, after.content[type]?.schema] as const,
    ] as const;
    compareRequest(`body.${type}`, "the body", sides[0], sides[1], to);
  }
}

function shared(before: OperationContent, after: OperationContent): string[] {
  return Object.keys(before).filter((type) => Object.hasOwn(after, type));
}

function compareResponses(old: Operation, now: Operation, to: Report): void {
  const statuses = listChanges(Object.keys(old.responses), Object.keys(now.responses));
  for (const status of statuses.added) to.widened(`responses.${status}`, `it may answer ${status}`);
  for (const status of statuses.removed)
    to.narrowed(`responses.${status}`, `it no longer says that it answers ${status}`);
  for (const [status, response] of Object.entries(old.responses)) {
    const after = Object.hasOwn(now.responses, status) ? now.responses[status] : undefined;
    if (after === undefined) continue;
    const [before, current] = [response.content ?? {}, after.content ?? {}];
    const types = listChanges(Object.keys(before), Object.keys(current));
    for (const type of types.added) to.widened(`responses.${status}`, `${status} may be \`${type}\``);
    for (const type of types.removed)
      to.breaking(`responses.${status}`, `${status} is no longer \`${type}\``);
    for (const type of shared(before, current)) {
      const at = `responses.${status}.${type}`;
      const what = `the answer ${status}`;
      switch (
        compareSchemas(rooted([old, before[type]?.schema]), rooted([now, current[type]?.schema]), true)
      ) {
        case "widened":
          to.widened(at, `${what} may hold more`);
          break;
        case "narrowed":
          to.narrowed(at, `${what} holds less`);
          break;
        case "changed":
          to.breaking(at, `${what} is something else`);
          break;
        default:
      }
    }
  }
}
