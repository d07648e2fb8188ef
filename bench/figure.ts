/** What a figure is: ours, what the machine gives at most or a peer needs, or one over the other. */
export type FigureKind = "figure" | "floor" | "ratio";

/** One measured figure, with its target when there is one. */
export interface Figure {
  /** Its name in JSON. */
  readonly id: string;
  readonly name: string;
  readonly kind: FigureKind;
  readonly value: number;
  readonly unit: string;
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

/** What could not be measured here, and what it needs. */
export interface Skipped {
  readonly id: string;
  readonly name: string;
  readonly skipped: string;
}

export type Line = Figure | Skipped;

/** How long to measure: `quick` gives rough figures in a fraction of the time. */
export interface Effort {
  readonly quick: boolean;
}

/** Whether the figure meets its target; undefined when it has none. */
export function meets(figure: Figure): boolean | undefined {
  if (figure.target === undefined) return undefined;
  return "atLeast" in figure.target
    ? figure.value >= figure.target.atLeast
    : figure.value <= figure.target.atMost;
}

/** Calls per second of something synchronous, over `millis`. */
export function rateOf(once: () => unknown, millis: number): number {
  const began = performance.now();
  const end = began + millis;
  let count = 0;
  while (performance.now() < end) {
    once();
    count += 1;
  }
  return (count / (performance.now() - began)) * 1000;
}

/** The middle one of some values. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
