import { parseJson } from "../../format/canonical-json.ts";
import type { Json } from "../../format/json.ts";

/** Type ids of PostgreSQL (`pg_type`) whose texts have an exact JSON value. */
const BOOL = 16;
const INT2 = 21;
const INT4 = 23;
const JSON_TYPES = new Set([114, 3802]);

/** A column's text as JSON: booleans, small integers and JSON as such, everything else exactly as the server wrote it. */
export function readPostgresqlValue(text: string | null, type: number): Json {
  if (text === null) return null;
  if (type === BOOL) return text === "t";
  if (type === INT2 || type === INT4) return Number(text);
  if (!JSON_TYPES.has(type)) return text;
  try {
    return parseJson(new TextEncoder().encode(text));
  } catch {
    // Numbers beyond JSON's exact ones, and the like: the text says what it is.
    return text;
  }
}
