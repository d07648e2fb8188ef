import { canonicalJson } from "../format/canonical-json.ts";
import { type Contract, referenceOf } from "./contract.ts";
import type { Runbook } from "./runbook.ts";
import type { Classification } from "./vocabulary.ts";

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

/**
 * Whether a runbook is the implicit one of a contract: then the contract's lock is authority for it too. Only what
 * `call` makes counts, which is classified `internal`.
 */
export function isImplicitRunbook(runbook: Runbook, contract: Contract): boolean {
  const { owner, classification, objective, steps } = runbook;
  const given = Object.keys(steps[0]?.with ?? {});
  return (
    classification === "internal" &&
    canonicalJson(implicitRunbook(contract, given, owner, classification, objective)) ===
      canonicalJson(runbook)
  );
}

function implicitScope(contract: Contract): Runbook["scope"]["include"] {
  return contract.scope.subjects.map(({ kind, from }) => ({ kind, from }));
}
