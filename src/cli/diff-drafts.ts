import type { Change } from "../contract/change.ts";
import type { Contract } from "../contract/contract.ts";
import { diffContracts } from "../contract/diff-contract.ts";
import { diffRunbooks } from "../contract/diff-runbook.ts";
import type { Runbook } from "../contract/runbook.ts";
import type { JsonObject } from "../format/json.ts";

/** What an import drafted. */
export interface Drafts {
  readonly runbook: JsonObject;
  readonly contracts: readonly JsonObject[];
}

/**
 * What changed in the boundary between the drafts of two versions of a playbook. Both were drafted here, so that they have
 * the shape of their kind wherever nobody has to decide.
 */
export function diffDrafts(before: Drafts, after: Drafts): Change[] {
  const changes = [
    ...diffRunbooks(before.runbook as unknown as Runbook, after.runbook as unknown as Runbook),
  ];
  const old = new Map(before.contracts.map((one) => [one.id, one]));
  for (const contract of after.contracts) {
    const known = old.get(contract.id);
    old.delete(contract.id);
    const at = String(contract.id);
    if (known === undefined) changes.push({ path: at, change: "a contract more", breaking: true });
    else
      for (const change of diffContracts(known as unknown as Contract, contract as unknown as Contract))
        changes.push({ ...change, path: `${at}: ${change.path}` });
  }
  for (const id of old.keys())
    changes.push({ path: String(id), change: "the contract is gone", breaking: true });
  return changes;
}
