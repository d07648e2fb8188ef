import type { Contract } from "../contract/contract.ts";
import { referenceOf } from "../contract/contract.ts";
import type { Runbook } from "../contract/runbook.ts";
import type { Classification } from "../contract/vocabulary.ts";

/**
 * The runbook of one implicit step that `call` runs: the contract with the caller's inputs, and no scope of its
 * own beyond what the contract's subjects name; the engagement's scope decides.
 *
 * @param given names of the inputs the caller gave; the contract fills in its own defaults.
 */
export function implicitRunbook(
  contract: Contract,
  given: readonly string[],
  owner: string,
  classification: Classification,
  objective: string,
): Runbook {
  return {
    apiVersion: "witnessops/v1",
    kind: "Runbook",
    id: `call.${contract.id}`,
    version: contract.version,
    title: contract.title,
    classification,
    owner,
    objective,
    inputs: contract.inputs,
    scope: { include: implicitScope(contract) },
    steps: [
      {
        id: "call",
        uses: referenceOf(contract),
        with: Object.fromEntries(given.map((name) => [name, `inputs[${JSON.stringify(name)}]`])),
      },
    ],
  };
}

function implicitScope(contract: Contract): Runbook["scope"]["include"] {
  return contract.scope.subjects.map(({ kind, from }) => ({ kind, from }));
}
