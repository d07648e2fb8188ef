import type { Json } from "../format/json.ts";
import { type DocumentKind, documentFromJson } from "./inspect-document.ts";
import { type PolicySet, policySetSchema } from "./policy-set.ts";

/** What a policy set is. Whether its Cedar parses is decided where Cedar is. */
export const policySetKind: DocumentKind<PolicySet> = { name: "policy set", schema: policySetSchema };

/** A pinned policy set. @throws ContractError with every fault. */
export function policySetFromJson(value: Json): PolicySet {
  return documentFromJson(policySetKind, value);
}
