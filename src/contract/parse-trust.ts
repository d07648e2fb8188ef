import type { Json } from "../format/json.ts";
import { ruleUnique } from "./document-rules.ts";
import { type DocumentKind, documentFromJson, type Inspection, readDocument } from "./inspect-document.ts";
import { ruleKeys, ruleOneOwner, rulePrincipal } from "./parse-principal.ts";
import { ruleNoteKeys } from "./rule-note-keys.ts";
import { ruleAuthorities } from "./time-authority.ts";
import { type Trust, trustSchema } from "./trust.ts";

/** What a trust file is: its schema, and the rules that the schema cannot say. */
export const trustKind: DocumentKind<Trust> = { name: "trust file", schema: trustSchema, rules };

/** Reads a trust file from JSON or YAML. @throws ContractError with every fault, each with path and line. */
export function parseTrust(text: string, options: { file?: string } = {}): Trust {
  return readDocument(trustKind, text, options);
}

/** A trust file from a JSON value. @throws ContractError with every fault. */
export function trustFromJson(value: Json): Trust {
  return documentFromJson(trustKind, value);
}

function rules(trust: Inspection<Trust>): void {
  ruleAuthorities(trust);
  ruleKeys(trust, ["issuerRoots"], trust.items("issuerRoots"));
  const principals = trust.items("principals");
  ruleUnique(
    trust,
    principals.map(([index, { id }]) => [["principals", index, "id"], id]),
    "principal",
  );
  for (const [index, principal] of principals) {
    rulePrincipal(trust, ["principals", index], principal);
    ruleKeys(trust, ["principals", index, "keys"], [...principal.keys.entries()]);
  }
  ruleOneOwner(
    trust,
    principals.map(([index, principal]) => [["principals", index], principal]),
  );
  ruleNoteKeys(trust);
}
