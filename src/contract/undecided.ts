import { isJsonObject, type Json } from "../format/json.ts";
import type { FindingList } from "./finding.ts";

/** How a draft marks what a person has to decide. */
export const DECIDE = "decide:";

/** Names every part of a document that a person has not decided yet. */
export function lintUndecided(value: Json, to: FindingList, at = ""): void {
  if (typeof value === "string") {
    if (value.startsWith(DECIDE)) to.error(at, `is not decided: ${value.slice(DECIDE.length).trim()}`);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) lintUndecided(item as Json, to, `${at}[${index}]`);
  } else if (isJsonObject(value)) {
    for (const [name, item] of Object.entries(value))
      lintUndecided(item, to, at === "" ? name : `${at}.${name}`);
  }
}
