import type { Contract } from "./contract.ts";

/** Whether anything that a contract captures is sealed; its `result` then is too. */
export function needsSealing({ evidence }: Contract): boolean {
  return evidence.artifacts.some(({ sensitivity }) => sensitivity === "secret");
}
