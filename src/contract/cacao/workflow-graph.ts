import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { pathText } from "../fault.ts";
import type { ImportReport } from "./import-report.ts";
import { objectOf, shortText, textOf } from "./playbook-text.ts";

/** Why one step follows another. `case:` and the case's key. */
export type EdgeKind = "next" | "failed" | "true" | "false" | "branch" | "loop" | `case:${string}`;
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
  readonly path: string;
}

/** The steps of a workflow in an order in which each comes after all that lead to it. */
export interface WorkflowGraph {
  readonly steps: ReadonlyMap<string, JsonObject>;
  readonly order: readonly string[];
  /** All that has ended when a step is reached: what leads to it, and the branches before it. */
  readonly before: ReadonlyMap<string, ReadonlySet<string>>;
  readonly into: ReadonlyMap<string, readonly Edge[]>;
  readonly outOf: ReadonlyMap<string, readonly Edge[]>;
}

const MAX_STEPS = 500;

/** Reads the workflow. Pointers to nothing and to the step itself are refused; circles too, unless tolerant. */
export function readWorkflow(playbook: JsonObject, tolerant: boolean, to: ImportReport): WorkflowGraph {
  const workflow = objectOf(playbook, "workflow");
  const steps = new Map(
    Object.entries(workflow).filter((one): one is [string, JsonObject] => isJsonObject(one[1])),
  );
  const none = { steps: new Map(), order: [], before: new Map(), into: new Map(), outOf: new Map() };
  if (Object.keys(workflow).length > MAX_STEPS) {
    to.refuse(
      "workflow",
      `has more than ${MAX_STEPS} steps, which is what a runbook holds; split the playbook`,
    );
    return none;
  }
  for (const id of Object.keys(workflow))
    if (!steps.has(id)) to.refuse(pathText(["workflow", id]), "is no step: it must be an object", "type");
  const edges = [...steps].flatMap(([id, step]) => edgesOf(id, step, to));
  const start = textOf(playbook, "workflow_start") ?? "";
  if (!steps.has(start)) to.refuse("workflow_start", "names no step of the workflow", "unknown-reference");
  for (const edge of edges) {
    if (edge.to === edge.from) to.refuse(edge.path, "points at its own step", "cycle");
    else if (!steps.has(edge.to))
      to.refuse(edge.path, `step \`${shortText(edge.to, 80)}\` is missing`, "unknown-reference");
  }
  const exception = textOf(playbook, "workflow_exception");
  if (exception !== undefined && !steps.has(exception))
    to.refuse("workflow_exception", "names no step of the workflow", "unknown-reference");
  if (to.faults.length > 0) return none;

  const kept = withoutCircles(start, edges, tolerant, to);
  const reached = reachable([start], groupBy(kept, "from"));
  for (const [id, step] of steps) {
    if (reached.has(id)) continue;
    const handler = exception !== undefined && reachable([exception], groupBy(kept, "from")).has(id);
    to.lose(
      id,
      pathText(["workflow", id]),
      `step \`${shortText(textOf(step, "name") ?? id, 80)}\` ${handler ? "handles exceptions of any step" : "is reached from nowhere"}; it was not drafted`,
      handler
        ? "what happens when a step fails: `onFailure` of each, and who is told"
        : "whether it belongs into the runbook, and where",
    );
  }
  const used = kept.filter(({ from }) => reached.has(from));
  const outOf = groupBy(used, "from");
  return { steps, ...orderOf([...reached], outOf), into: groupBy(used, "to"), outOf };
}

function edgesOf(id: string, step: JsonObject, to: ImportReport): Edge[] {
  const found: Edge[] = [];
  const add = (names: readonly (string | number)[], value: unknown, kind: EdgeKind) => {
    const path = pathText(["workflow", id, ...names]);
    if (typeof value === "string") found.push({ from: id, to: value, kind, path });
    else to.refuse(path, "must be the id of a step", "type");
  };
  const type = textOf(step, "type");
  // 1.x has a list there.
  for (const [name, kind] of [
    ["on_true", type === "while-condition" ? "loop" : "true"],
    ["on_false", "false"],
  ] as const)
    if (step[name] !== undefined) for (const value of [step[name]].flat()) add([name], value, kind);
  const next = step.next_steps;
  if (next !== undefined && (!Array.isArray(next) || next.length > MAX_STEPS))
    to.refuse(
      pathText(["workflow", id, "next_steps"]),
      `must be a list of at most ${MAX_STEPS} steps`,
      "type",
    );
  else for (const [index, value] of (next ?? []).entries()) add(["next_steps", index], value, "branch");
  for (const [key, value] of Object.entries(objectOf(step, "cases")))
    for (const one of [value].flat()) add(["cases", key], one, `case:${key}`);
  for (const name of ["on_completion", "on_success"])
    if (step[name] !== undefined) add([name], step[name], "next");
  if (step.on_failure !== undefined) add(["on_failure"], step.on_failure, "failed");
  return found;
}

/** Walks from the start; an edge back to a step that is still open closes a circle. */
function withoutCircles(start: string, edges: readonly Edge[], tolerant: boolean, to: ImportReport): Edge[] {
  const outOf = groupBy(edges, "from");
  const dropped = new Set<Edge>();
  const state = new Map<string, "open" | "done">();
  for (const root of [start, ...outOf.keys()]) {
    if (state.has(root)) continue;
    const stack = [{ id: root, next: 0 }];
    state.set(root, "open");
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const edge = outOf.get(top.id)?.[top.next++];
      if (edge === undefined) {
        state.set(top.id, "done");
        stack.pop();
      } else if (state.get(edge.to) === "open") {
        dropped.add(edge);
        if (tolerant)
          to.lose(
            edge.from,
            edge.path,
            "leads back to an earlier step; the way back was not drafted",
            "whether to repeat, for what list (`forEach`) and how often at most",
          );
        else
          to.refuse(
            edge.path,
            "leads back to an earlier step: a runbook has no loops; a tolerant import goes on",
            "cycle",
          );
      } else if (!state.has(edge.to)) {
        state.set(edge.to, "open");
        stack.push({ id: edge.to, next: 0 });
      }
    }
  }
  return edges.filter((edge) => !dropped.has(edge));
}

/** Everything reached from some steps, these included. */
export function reachable(from: readonly string[], outOf: ReadonlyMap<string, readonly Edge[]>): Set<string> {
  const found = new Set(from);
  const open = [...from];
  for (let id = open.pop(); id !== undefined; id = open.pop())
    for (const edge of outOf.get(id) ?? [])
      if (!found.has(edge.to)) {
        found.add(edge.to);
        open.push(edge.to);
      }
  return found;
}

/** A step after all that lead to it, and what follows a branching step after its branches (section 4). */
function orderOf(
  ids: readonly string[],
  outOf: ReadonlyMap<string, readonly Edge[]>,
): Pick<WorkflowGraph, "order" | "before"> {
  const before = new Map<string, Set<string>>(ids.map((id) => [id, new Set()]));
  for (const id of ids) {
    const edges = outOf.get(id) ?? [];
    for (const edge of edges) before.get(edge.to)?.add(id);
    const heads = edges.filter(({ kind }) => kind !== "next" && kind !== "failed").map((edge) => edge.to);
    for (const next of edges.filter(({ kind }) => kind === "next")) {
      const after = reachable([next.to], outOf);
      if (heads.length > 0)
        for (const inside of reachable(heads, outOf))
          if (!after.has(inside)) before.get(next.to)?.add(inside);
    }
  }
  const order: string[] = [];
  const placed = new Set<string>();
  const rest = [...ids];
  while (rest.length > 0) {
    const index = rest.findIndex((id) => [...(before.get(id) ?? [])].every((one) => placed.has(one)));
    const [id = ""] = rest.splice(Math.max(index, 0), 1);
    for (const one of [...(before.get(id) ?? [])])
      for (const earlier of before.get(one) ?? []) before.get(id)?.add(earlier);
    placed.add(id);
    order.push(id);
  }
  return { order, before };
}

function groupBy(edges: readonly Edge[], by: "from" | "to"): Map<string, Edge[]> {
  const groups = new Map<string, Edge[]>();
  for (const edge of edges) {
    const group = groups.get(edge[by]);
    if (group === undefined) groups.set(edge[by], [edge]);
    else group.push(edge);
  }
  return groups;
}
