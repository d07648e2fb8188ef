import type { JsonObject } from "../src/format/json.ts";

/** One call of a contract as its adapter would have answered it, and what has to come out. */
export interface CatalogSample {
  readonly inputs: JsonObject;
  /** As the adapter returns it. */
  readonly result: JsonObject;
  /** Outputs that the mapping must give; others may be there too. */
  readonly outputs: JsonObject;
  /** What the scope gate sees, `kind:value`. */
  readonly subjects: readonly string[];
}
