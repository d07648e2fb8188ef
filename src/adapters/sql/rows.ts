import type { Capture } from "../../adapter/adapter.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { JsonObject } from "../../format/json.ts";

/** How much of the rows stands in the result, in bytes of canonical JSON; all of them are in the artifact `rows`. */
const MAX_RESULT = 256 * 1024;

/** Rows on their way: each becomes a line of the artifact `rows`, the first of them stand in the result too. */
export interface Rows {
  /** Rows taken so far. */
  readonly count: number;
  take(row: JsonObject): Promise<void>;
  /** @returns the members of a result that are the same for every server. */
  end(columns: readonly JsonObject[], more: boolean): Promise<JsonObject>;
}

export function openRows(capture: Capture): Rows {
  const writer = capture.wants("rows")
    ? capture.open("rows", { source: "sql rows", mediaType: "application/x-ndjson" })
    : undefined;
  const kept: JsonObject[] = [];
  let [count, size] = [0, 0];
  return {
    get count() {
      return count;
    },
    async take(row) {
      const line = new TextEncoder().encode(`${canonicalJson(row)}\n`);
      await writer?.write(line);
      size += line.length;
      if (size <= MAX_RESULT) kept.push(row);
      count += 1;
    },
    async end(columns, more) {
      await writer?.end();
      return { columns: [...columns], rows: kept, count, more, whole: kept.length === count };
    },
  };
}
