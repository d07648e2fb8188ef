import type { GateRecord } from "./gate-record.ts";
import type { Exception } from "./receipt-predicate.ts";

/** The exceptions that a gate record itself shows: a target reached by bypass, an approval that break-glass stood for. */
export function recordExceptions({ gates }: Pick<GateRecord, "gates">): Exception[] {
  const found: Exception[] = [];
  const uses = gates.some(({ facts }) => [facts.subjects, facts.granted].some(hasBypass));
  if (uses) found.push("bypass");
  const approval = gates.find(({ gate }) => gate === "approval");
  if (approval?.decision === "allow" && approval.facts.breakGlass !== undefined) found.push("break-glass");
  return found;
}

function hasBypass(list: unknown): boolean {
  return Array.isArray(list) && list.some((one: { bypass?: unknown } | null) => one?.bypass !== undefined);
}
