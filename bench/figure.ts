/** One measured figure, with its target when there is one. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

/** Whether the figure meets its target; undefined when it has none. */
export function meets(figure: Figure): boolean | undefined {
  if (figure.target === undefined) return undefined;
  return "atLeast" in figure.target
    ? figure.value >= figure.target.atLeast
    : figure.value <= figure.target.atMost;
}
