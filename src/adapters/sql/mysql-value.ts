import type { TypeCastField, TypeCastNext } from "mysql2";
import { parseJson } from "../../format/canonical-json.ts";
import type { Json } from "../../format/json.ts";

/** A column as the client describes it: what says that its text is JSON, in MySQL and in MariaDB. */
export interface MysqlColumn {
  readonly name: string;
  readonly columnType: number;
  readonly extendedFormat?: string;
}

/** Type id of JSON in MySQL's protocol. */
const JSON_TYPE = 245;

/** What the client makes of a column: everything as it does by itself, but of a shape its bytes. */
export function castMysql(field: TypeCastField, next: TypeCastNext): unknown {
  return field.type === "GEOMETRY" ? field.buffer() : next();
}

/**
 * A column's value as JSON: numbers that JSON has exactly, and JSON as such. BIGINT, DECIMAL and times are texts, bytes are
 * `\x` and their hexadecimal, as PostgreSQL writes them.
 */
export function readMysqlValue(value: unknown, { columnType, extendedFormat }: MysqlColumn): Json {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  const text = String(value);
  if (columnType !== JSON_TYPE && extendedFormat !== "json") return text;
  try {
    return parseJson(new TextEncoder().encode(text));
  } catch {
    // Numbers beyond JSON's exact ones, and the like: the text says what it is.
    return text;
  }
}
