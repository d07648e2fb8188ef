import type { TSchema } from "typebox";
import { Check, Errors } from "typebox/schema";
import { Settings } from "typebox/system";
import type { FaultCode, Path } from "./fault.ts";
import { quickCheckOf } from "./quick-check.ts";

/** A fault of a schema check, with its path still in parts. */
export interface SchemaFault {
  readonly path: Path;
  readonly code: FaultCode;
  readonly message: string;
}

interface SchemaProblem {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

const MAX_FAULTS = 200;

/**
 * Checks a value against one of our schemas and lists every fault. What is sound passes by `quickCheckOf`; all else is
 * for the library, which interprets the schema. No code is generated, so that it runs under a browser's content
 * security policy.
 */
export function checkSchema(schema: TSchema | object, value: unknown): SchemaFault[] {
  if (quickCheckOf(schema)?.(value) || Check(schema, value)) return [];
  const before = Settings.Get().maxErrors;
  Settings.Set({ maxErrors: MAX_FAULTS });
  try {
    const problems = settleUnions(Errors(schema, value)[1] as SchemaProblem[]);
    const faults = problems.flatMap((problem) => explain(problem, schema));
    // Nobody explains a bare `false` below an array or a member; the value still does not fit.
    const path = pointerParts(problems[0]?.instancePath ?? "");
    return faults.length > 0 ? faults : [{ path, code: "value", message: "does not fit its schema" }];
  } finally {
    Settings.Set({ maxErrors: before });
  }
}

/** Of a union's branches, keeps the faults of the one that was evidently meant, or one fault for all. */
function settleUnions(problems: readonly SchemaProblem[]): SchemaProblem[] {
  let rest = [...problems];
  // Inner unions come before outer ones.
  for (const union of problems.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf")) {
    if (!rest.includes(union)) continue;
    const prefix = `${union.schemaPath}/${union.keyword}/`;
    const inside = rest.filter((p) => p !== union && p.schemaPath.startsWith(prefix));
    const branches = Map.groupBy(inside, (p) => p.schemaPath.slice(prefix.length).split("/", 1)[0] ?? "");
    const meant = [...branches.values()]
      .filter((branch) => !branch.some((p) => p.instancePath === union.instancePath && isMismatch(p)))
      .sort((a, b) => a.length - b.length)[0];
    rest = rest.filter((p) => !inside.includes(p) || meant?.includes(p));
    if (meant !== undefined && meant.length > 0) rest = rest.filter((p) => p !== union);
  }
  return rest;
}

function isMismatch({ keyword }: SchemaProblem): boolean {
  return keyword === "type" || keyword === "const" || keyword === "enum";
}

function explain(problem: SchemaProblem, root: object): SchemaFault[] {
  const path = pointerParts(problem.instancePath);
  const params = problem.params as Readonly<Record<string, unknown>>;
  switch (problem.keyword) {
    case "boolean":
      // The schema `false` of a closed object; the object's own fault names the member.
      return [];
    case "required":
      return strings(params.requiredProperties).map((name) => ({
        path: [...path, name],
        code: "required",
        message: "is missing",
      }));
    case "additionalProperties":
      return strings(params.additionalProperties).map((name) => ({
        path: [...path, name],
        code: "unknown-field",
        message: `is not a field here${known(root, problem.schemaPath)}`,
      }));
    case "type":
      return [{ path, code: "type", message: `must be ${typeText(params.type)}` }];
    case "enum":
      return [{ path, code: "value", message: `must be ${oneOf(params.allowedValues)}` }];
    case "const":
      return [{ path, code: "value", message: `must be ${literal(params.allowedValue)}` }];
    case "anyOf":
    case "oneOf":
      return [{ path, code: "type", message: `must be ${unionText(root, problem.schemaPath)}` }];
    case "pattern":
    case "~refine":
      return [{ path, code: "value", message: patternText(root, problem) }];
    case "minLength":
      return [{ path, code: "value", message: params.limit === 1 ? "must not be empty" : problem.message }];
    case "minItems":
      return [
        {
          path,
          code: "value",
          message: params.limit === 1 ? "must have at least one item" : problem.message,
        },
      ];
    case "uniqueItems":
      return [{ path, code: "duplicate", message: "must not list the same item twice" }];
    default:
      return [{ path, code: "value", message: problem.message }];
  }
}

function known(root: object, schemaPath: string): string {
  const properties = (schemaAt(root, schemaPath) as { properties?: object } | undefined)?.properties;
  const names = Object.keys(properties ?? {});
  return names.length === 0 || names.length > 12
    ? ""
    : `; fields are ${names.map((n) => `\`${n}\``).join(", ")}`;
}

function patternText(root: object, problem: SchemaProblem): string {
  const schema = schemaAt(root, problem.schemaPath) as { description?: unknown } | undefined;
  return typeof schema?.description === "string" ? `must be ${schema.description}` : problem.message;
}

function unionText(root: object, schemaPath: string): string {
  const schema = schemaAt(root, schemaPath) as {
    anyOf?: readonly Record<string, unknown>[];
    description?: unknown;
  };
  if (typeof schema?.description === "string") return schema.description;
  const forms = (schema?.anyOf ?? []).map((branch) => {
    if ("const" in branch) return literal(branch.const);
    const fields = Object.keys((branch.properties as object | undefined) ?? {});
    if (fields.length > 0) return `{${fields.join(", ")}}`;
    return typeText(branch.type);
  });
  return forms.length === 0 ? "one of the allowed forms" : forms.join(", or ");
}

function schemaAt(root: object, pointer: string): unknown {
  let at: unknown = root;
  for (const part of pointerParts(pointer.replace(/^#/, ""), false)) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[part as string];
  }
  return at;
}

/** The parts of a JSON pointer (RFC 6901); digits become indexes unless `indexes` is false. */
function pointerParts(pointer: string, indexes = true): (string | number)[] {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (indexes && /^(0|[1-9][0-9]*)$/.test(part) ? Number(part) : part));
}

function typeText(type: unknown): string {
  const name = Array.isArray(type) ? type.join(" or ") : String(type ?? "value");
  return `${/^[aeio]/.test(name) ? "an" : "a"} ${name}`;
}

function literal(value: unknown): string {
  return typeof value === "string" ? `\`${value}\`` : `\`${JSON.stringify(value)}\``;
}

function oneOf(values: unknown): string {
  const list = Array.isArray(values) ? values.map(literal) : [];
  return list.length === 1 ? `${list[0]}` : `one of ${list.join(", ")}`;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Whether any fault lies at `path` or below it. */
export function touches(faults: readonly { readonly path: Path }[], path: Path): boolean {
  return faults.some((fault) => path.every((part, index) => fault.path[index] === part));
}
