import type { ASTNode } from "@marcbachmann/cel-js";
import { chargeCel, stepsLeft } from "./cel-budget.ts";
import { takeMatchWork } from "./cel-environment.ts";
import type { CelSyntax } from "./cel-syntax.ts";
import { CelBound, MAX_LIST, MAX_TEXT, weigh } from "./cel-value.ts";

/** Most elements of a list that a comprehension may run over when it stands inside or around another. */
const MAX_NESTED_LIST = 1000;
/** Most steps of one evaluation: a step is one node, 16 characters or one element looked at. */
const MAX_STEPS = 3_000_000;

type Evaluate = (this: ASTNode, evaluator: unknown, node: unknown, context: unknown) => unknown;
type Evaluable = { evaluate: Evaluate };

/** Operations whose work grows with the size of what they are given. */
const LOOKING = new Set<string>(["==", "!=", "in", "+", "<", "<=", ">", ">=", "call", "rcall"]);

/** Counts the steps of one program's evaluations. */
export interface Meter {
  /** Starts a new evaluation. */
  start(): void;
  /** Charges the shared budget, if there is one, for the evaluation. */
  end(): void;
}

/**
 * Puts a meter in front of each node's `evaluate`, so that an expression ends with an error value before it
 * costs real time, at the same step on every host. The library has no such hook, but it finds a node's
 * `evaluate` by name each time, and its own replacement of it on first use goes through the setter.
 */
export function meterProgram({ nodes }: CelSyntax): Meter {
  let steps = 0;
  let given = 0;
  const weighed = new Set(nodes.flatMap(({ node }) => (LOOKING.has(node.op) ? operandsOf(node) : [])));
  const nests = nodes.some(({ ranges, nested }) => ranges && nested);

  for (const { node, ranges } of nodes) {
    const maxList = ranges && nests ? MAX_NESTED_LIST : MAX_LIST;
    const isWeighed = weighed.has(node);
    const isMatch = node.op === "rcall" && node.args[0] === "re2Matches";
    const first = (node as unknown as Evaluable).evaluate;
    let inner = first;
    const metered = (evaluator: unknown, self: unknown, context: unknown): unknown => {
      // The first version only puts the real one in its place and calls back here.
      if (inner === first) return first.call(node, evaluator, self, context);
      if (--steps < 0) throw tooMuch();
      const value = inner.call(node, evaluator, self, context);
      if (isMatch) steps -= takeMatchWork() >> 3;
      if (typeof value === "string") {
        if (value.length > MAX_TEXT) throw new CelBound("a string is longer than 1 MiB");
      } else if (Array.isArray(value) && value.length > maxList) {
        throw new CelBound(`a list has more than ${maxList} elements`);
      }
      if (isWeighed) {
        steps -= weigh(value);
        if (steps < 0) throw tooMuch();
      }
      return value;
    };
    Object.defineProperty(node, "evaluate", {
      get: () => metered,
      set: (next: Evaluate) => {
        inner = next;
      },
    });
  }
  return {
    start: () => {
      takeMatchWork();
      given = Math.min(MAX_STEPS, stepsLeft());
      steps = given;
    },
    end: () => chargeCel(given - steps),
  };
}

function tooMuch(): CelBound {
  return new CelBound("the expression does too much work");
}

function operandsOf(node: ASTNode): readonly ASTNode[] {
  if (node.op === "call") return node.args[1];
  if (node.op === "rcall") return [node.args[1], ...node.args[2]];
  return Array.isArray(node.args) ? (node.args as readonly unknown[]).filter(isNode) : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value;
}
