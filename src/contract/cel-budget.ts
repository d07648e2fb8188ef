/** Steps that many evaluations may use together, beside the bound of each. */
export interface CelBudget {
  left: number;
}

/** A shared budget is used up: what the work would have given is not known. */
export class CelBudgetSpent extends Error {}

let shared: CelBudget | undefined;

/**
 * Does synchronous work whose CEL evaluations, compilations and conversions are charged to `budget`.
 *
 * @throws CelBudgetSpent when the budget is used up before or by the work, whatever that gave.
 */
export function withCelBudget<T>(budget: CelBudget, work: () => T): T {
  if (budget.left <= 0) throw new CelBudgetSpent("the budget for expressions is used up");
  const outer = shared;
  shared = budget;
  let result: T;
  try {
    result = work();
  } finally {
    shared = outer;
  }
  if (budget.left <= 0) throw new CelBudgetSpent("the budget for expressions is used up");
  return result;
}

/** Steps that the shared budget still has; without one there is no bound here. */
export function stepsLeft(): number {
  return shared === undefined ? Number.POSITIVE_INFINITY : Math.max(0, shared.left);
}

/** Takes steps from the shared budget, if there is one. */
export function chargeCel(steps: number): void {
  if (shared !== undefined) shared.left -= steps;
}
