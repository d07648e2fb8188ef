import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { MAX_DOCUMENT_BYTES } from "../contract/parse-yaml.ts";
import { parseJson } from "../format/canonical-json.ts";
import { isJsonObject, type Json, type JsonObject } from "../format/json.ts";
import { CliError, usage } from "./cli-error.ts";

/**
 * Reads `name=value` pairs as the inputs of a schema: the value of a property that is no string is JSON.
 *
 * @param schema the JSON Schema of the inputs.
 * @throws CliError `USAGE` for each pair that is none, all at once.
 */
export function readPairs(pairs: readonly string[], schema: JsonObject): JsonObject {
  const properties = isJsonObject(schema.properties) ? schema.properties : {};
  const inputs = new Map<string, Json>();
  const faults: string[] = [];
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at);
    if (at < 1) faults.push(`\`${pair}\` is not \`name=value\``);
    else if (inputs.has(name)) faults.push(`\`${name}\` is given twice`);
    else {
      const value = readValue(
        pair.slice(at + 1),
        Object.hasOwn(properties, name) ? properties[name] : undefined,
      );
      if (value === undefined)
        faults.push(`\`${name}\`: \`${pair.slice(at + 1)}\` is not the JSON it must be`);
      else inputs.set(name, value);
    }
  }
  if (faults.length > 0) {
    throw new CliError({
      code: "USAGE",
      message: faults.pop() ?? "",
      faults,
      hint: "write lists as `ports=[22,443]`",
    });
  }
  return Object.fromEntries(inputs);
}

function readValue(text: string, schema: Json | undefined): Json | undefined {
  const type = isJsonObject(schema) ? schema.type : undefined;
  const types = Array.isArray(type) ? type : [type];
  if (types.includes("string") || type === undefined) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Reads a JSON object from a file. @throws CliError `INPUT_MALFORMED`. */
export function readJsonObject(path: string): JsonObject {
  const value = parseJson(readFileSync(path));
  if (isJsonObject(value)) return value;
  throw new CliError({ code: "INPUT_MALFORMED", message: `\`${path}\` is not a JSON object` });
}

/** Text of a file, or of standard input for `-`; at most 1 MiB. @throws CliError `INPUT_MALFORMED`. */
export function readTextInput(path: string): string {
  const file = path === "-" ? 0 : openSync(path, "r");
  try {
    if (fstatSync(file).isDirectory())
      throw usage(`\`${path}\` is a folder`, "name a file, or `-` for standard input");
    const text = readFileSync(file, "utf8");
    if (text.length <= MAX_DOCUMENT_BYTES) return text;
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${path}\` is larger than 1 MiB`,
      hint: "split it",
    });
  } finally {
    if (file !== 0) closeSync(file);
  }
}
