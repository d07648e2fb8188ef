import { isJsonObject } from "../format/json.ts";

/** A step's place in the order of things. */
export interface StepNeeds {
  readonly id: string;
  /** Position in the runbook. */
  readonly index: number;
  readonly needs: readonly string[];
}

/** The steps of a runbook as written, as far as they have an id. */
export function needsOf(steps: unknown): StepNeeds[] {
  if (!Array.isArray(steps)) return [];
  return steps.flatMap((step, index) => {
    if (!isJsonObject(step) || typeof step.id !== "string") return [];
    const needs = Array.isArray(step.needs) ? step.needs.filter((name) => typeof name === "string") : [];
    return [{ id: step.id, index, needs }];
  });
}

/** One cycle of `needs` as step ids, the first repeated at the end; undefined when there is none. */
export function findCycle(steps: readonly StepNeeds[]): string[] | undefined {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const settled = new Set<string>();
  for (const start of steps) {
    // Depth-first, with a stack of our own: a runbook may have 500 steps in a row.
    const trail: string[] = [];
    const stack: { id: string; next: number }[] = [];
    const enter = (id: string) => {
      trail.push(id);
      stack.push({ id, next: 0 });
    };
    if (!settled.has(start.id)) enter(start.id);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const name = byId.get(top.id)?.needs[top.next++];
      if (name === undefined) {
        settled.add(top.id);
        stack.pop();
        trail.pop();
      } else if (name !== top.id && trail.includes(name)) {
        return [...trail.slice(trail.indexOf(name)), name];
      } else if (byId.has(name) && name !== top.id && !settled.has(name)) enter(name);
    }
  }
  return undefined;
}

/** Every step that a step needs, directly or through others. */
export function neededBy(id: string, steps: readonly StepNeeds[]): ReadonlySet<string> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const found = new Set<string>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const name of byId.get(next)?.needs ?? []) {
      if (found.has(name)) continue;
      found.add(name);
      open.push(name);
    }
  }
  return found;
}
