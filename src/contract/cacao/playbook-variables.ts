import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import type { ImportReport } from "./import-report.ts";
import { SECRET_NAME } from "./inline-secrets.ts";
import { celString, objectOf, shortText, textOf } from "./playbook-text.ts";
import { variableNamed } from "./variable-names.ts";

/** A variable where a step reads it. */
export interface VariableReference {
  /** CEL in the runbook. */
  readonly cel: string;
  /** Schema of the contract's input that takes it. */
  readonly schema: JsonObject;
  /** CEL-safe name: of the runbook's input and of the contract's. */
  readonly name: string;
  /** Whether it is an input of the run, known when it starts. */
  readonly isInput: boolean;
}

/** Which variables the drafts use. */
export interface PlaybookVariables {
  /** `setBy`: the runbook steps before the reader that give the variable, latest last, with whether each may be skipped. */
  read(variable: string, step: JsonObject, path: string, setBy: readonly VariableSource[]): VariableReference;
  /** The runbook's inputs: those that were read. */
  inputs(): JsonObject;
}
export interface VariableSource {
  readonly step: string;
  readonly mayBeSkipped: boolean;
}

const RESERVED =
  /^(as|break|const|continue|else|false|for|function|if|import|in|let|loop|namespace|null|package|return|true|var|void|while|target|each)$/;

/** A variable's name as a member of `inputs`. */
export function inputName(variable: string): string {
  const plain = variable.replace(/[^A-Za-z0-9_]/g, "_").slice(0, 90);
  return RESERVED.test(plain) ? `${plain}_value` : plain;
}

/** Schema of a variable type (CACAO 2.0 section 10.18.4). */
export function schemaOf(type: string | undefined): JsonObject {
  switch (type) {
    case "bool":
      return { type: "boolean" };
    case "integer":
    case "long":
      return { type: "integer" };
    case "float":
      return { type: "number" };
    case "dictionary":
      return { type: "object" };
    case "ipv4-addr":
      return { type: "string", minLength: 7, maxLength: 18, pattern: "^[0-9./]+$" };
    case "ipv6-addr":
      return { type: "string", minLength: 2, maxLength: 49, pattern: "^[0-9a-fA-F:./]+$" };
    case "uuid":
    case "hash":
    case "md5-hash":
    case "sha256-hash":
    case "hexstring":
    case "mac-addr":
      return { type: "string", minLength: 1, maxLength: 200, pattern: "^[0-9A-Za-z:-]+$" };
    default:
      return { type: "string", maxLength: 4000 };
  }
}

/** The variables of a playbook: the run's inputs, what steps give, and what a step has for itself. */
export function playbookVariables(playbook: JsonObject, to: ImportReport): PlaybookVariables {
  const declared = new Map<string, [string, JsonObject]>();
  for (const [key, variable] of Object.entries(objectOf(playbook, "playbook_variables"))) {
    const name = variableNamed(key);
    const path = pathText(["playbook_variables", key]);
    if (name === undefined) to.deviate(path, "a variable's name is `__name__`");
    else if (isJsonObject(variable)) declared.set(name, [path, variable]);
  }
  const used = new Map<string, JsonObject>();
  return {
    read(variable, step, path, setBy) {
      const name = inputName(variable);
      const own = Object.entries(objectOf(step, "step_variables")).find(
        ([key]) => variableNamed(key) === variable,
      )?.[1];
      const [, global] = declared.get(variable) ?? [];
      const object = isJsonObject(own) ? own : global;
      const schema = schemaOf(object === undefined ? undefined : textOf(object, "type"));
      const value = object === undefined ? undefined : initialValue(object, schema);
      const source = setBy.at(-1);
      if (setBy.length > 1)
        to.lose(
          variable,
          path,
          `which of several steps gives \`${variable}\``,
          `whether the last of them, \`${source?.step}\`, is the right one`,
        );
      if (source === undefined && isJsonObject(own) && value !== undefined)
        return {
          cel: typeof value === "string" ? celString(value) : String(value),
          schema,
          name,
          isInput: false,
        };
      if (source === undefined || (source.mayBeSkipped && value !== undefined)) {
        if (object === undefined)
          to.lose(
            variable,
            path,
            `\`${shortText(variable, 60)}\` is declared nowhere; it became an input of the run`,
            "where its value comes from",
          );
        if (SECRET_NAME.test(variable))
          to.lose(
            variable,
            path,
            `\`${shortText(variable, 60)}\` sounds like a secret, and inputs are not kept secret`,
            "the contract's `execution.secrets` instead",
          );
        const description = object === undefined ? undefined : textOf(object, "description");
        used.set(name, {
          ...schema,
          ...(description === undefined ? {} : { description: shortText(description) }),
          ...(value === undefined
            ? {}
            : object?.constant === true
              ? { default: value, const: value }
              : { default: value }),
        });
      }
      if (source === undefined) return { cel: `inputs.${name}`, schema, name, isInput: true };
      const given = `steps['${source.step}'].outputs.${name}`;
      const cel =
        source.mayBeSkipped && value !== undefined
          ? `(steps['${source.step}'].outcome == 'executed' ? ${given} : inputs.${name})`
          : given;
      return { cel, schema, name, isInput: false };
    },
    inputs() {
      const required = [...used]
        .filter(([, schema]) => !Object.hasOwn(schema, "default"))
        .map(([name]) => name);
      return {
        type: "object",
        additionalProperties: false,
        ...(required.length > 0 ? { required } : {}),
        properties: Object.fromEntries(used),
      };
    },
  };
}

/** The value that a variable begins with, in its own type; undefined when there is none, or it is no value of that type. */
function initialValue(variable: JsonObject, schema: JsonObject): Json | undefined {
  const { value } = variable;
  if (value === undefined || value === null || value === "") return undefined;
  if (schema.type === "string") return typeof value === "string" ? value.slice(0, 4000) : undefined;
  if (schema.type === "object") return isJsonObject(value) ? value : undefined;
  const text = String(value).toLowerCase();
  if (schema.type === "boolean") return text === "true" ? true : text === "false" ? false : undefined;
  const number = /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(number) || (schema.type === "integer" && !Number.isSafeInteger(number))
    ? undefined
    : number;
}
