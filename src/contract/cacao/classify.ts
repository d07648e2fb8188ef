import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import { DECIDE } from "../undecided.ts";
import { type Classification, classifications } from "../vocabulary.ts";
import type { ImportReport } from "./import-report.ts";
import { listOf, objectOf, shortText, textOf } from "./playbook-text.ts";

/** FIRST TLP 2.0, and the names of 1.0 that IEP has. */
const LEVELS: Readonly<Record<string, Classification>> = {
  CLEAR: "public",
  WHITE: "public",
  GREEN: "internal",
  AMBER: "confidential",
  "AMBER+STRICT": "restricted",
  RED: "restricted",
};

/** The classification that a playbook's markings ask for, the strictest of them; `decide:` when there is none. */
export function classify(playbook: JsonObject, to: ImportReport): Classification | string {
  const definitions = objectOf(playbook, "data_marking_definitions");
  const found: Classification[] = [];
  for (const [index, id] of listOf(playbook, "markings").entries()) {
    const marking = typeof id === "string" && Object.hasOwn(definitions, id) ? definitions[id] : undefined;
    if (!isJsonObject(marking)) {
      to.deviate(`markings[${index}]`, "names no data marking of the playbook");
      continue;
    }
    const path = pathText(["data_marking_definitions", String(id)]);
    const level = String(marking.tlpv2_level ?? marking.tlp ?? "")
      .toUpperCase()
      .replace(/^TLP:/, "");
    const known = Object.hasOwn(LEVELS, level) ? LEVELS[level] : undefined;
    if (known !== undefined) found.push(known);
    const statement = textOf(marking, "statement");
    if (statement !== undefined)
      to.lose(
        String(id),
        path,
        `the statement \`${shortText(statement, 120)}\``,
        "whether the runbook may be used and passed on like this",
      );
    else if (textOf(marking, "type") === "marking-iep")
      to.lose(
        String(id),
        path,
        "what the information exchange policy permits beyond its TLP level",
        "whether the runbook may be used and passed on like this",
      );
    else if (known === undefined)
      to.lose(String(id), path, "a marking of a kind that is not known here", "the runbook's classification");
  }
  const strictest = found.sort((a, b) => classifications.indexOf(b) - classifications.indexOf(a))[0];
  return (
    strictest ?? `${DECIDE} public, internal, confidential or restricted; the playbook has no TLP marking`
  );
}
