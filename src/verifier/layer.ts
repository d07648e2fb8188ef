import type { Digest } from "../format/digest.ts";
import type { FailureCode } from "./failure-code.ts";

/** The layers in the order in which they are checked and reported (design section 11). */
export const layerNames = [
  "artifact-set",
  "manifest",
  "signatures",
  "structure",
  "timestamps",
  "log",
  "continuity",
  "authorization",
  "re-decision",
  "proof-class",
  "conclusions",
] as const;
export type LayerName = (typeof layerNames)[number];

/** Whether the bundle is coherent with itself. */
export type Internal = "ok" | "failed" | "not-present" | "indeterminate" | "partial";
/** Whether it continues from what the reviewer trusts. */
export type Anchored = "established" | "untested" | "failed" | "not-applicable";

/** One thing that is wrong. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** Path of the file in the bundle. */
  readonly path?: string;
  /** Digest of the receipt concerned. */
  readonly receipt?: Digest;
}

/** The result of one layer. */
export interface LayerResult {
  readonly layer: LayerName;
  readonly internal: Internal;
  readonly anchored: Anchored;
  readonly failures: readonly Failure[];
  /** What keeps this layer from being decided; any of them makes the verdict `indeterminate`. */
  readonly doubts: readonly string[];
  /** What a reader should know; no influence on the verdict. */
  readonly notes: readonly string[];
}

const MAX_LISTED = 200;

/** Collects what one layer finds. Goes on after a failure. */
export class Findings {
  readonly #layer: LayerName;
  readonly #failures: Failure[] = [];
  readonly #doubts = new Set<string>();
  readonly #notes = new Set<string>();
  #internalFailed = false;
  #anchoredFailed = false;
  #internalDoubt = false;
  #anchoredDoubt = false;

  constructor(layer: LayerName) {
    this.#layer = layer;
  }

  /** The bundle contradicts itself; needs no trust. */
  fail(code: FailureCode, message: string, at: { path?: string; receipt?: Digest } = {}): void {
    this.#internalFailed = true;
    this.#failures.push({ code, message, ...at });
  }

  /** Takes over what was found while reading. */
  failAll(failures: readonly Failure[]): void {
    for (const { code, message, ...at } of failures) this.fail(code, message, at);
  }

  /** The bundle contradicts what the reviewer trusts. */
  contradict(code: FailureCode, message: string, at: { path?: string; receipt?: Digest } = {}): void {
    this.#anchoredFailed = true;
    this.#failures.push({ code, message, ...at });
  }

  /** The bundle alone does not say. */
  doubt(message: string): void {
    this.#internalDoubt = true;
    this.#doubts.add(message);
  }

  /** The reviewer's trust does not reach. */
  untested(message: string): void {
    this.#anchoredDoubt = true;
    this.#doubts.add(message);
  }

  note(message: string): void {
    this.#notes.add(message);
  }

  /** The layer's result; the columns given are what holds when nothing was found against them. */
  end(columns: { internal?: Internal; anchored: Anchored }): LayerResult {
    return {
      layer: this.#layer,
      internal: this.#internalFailed
        ? "failed"
        : this.#internalDoubt
          ? "indeterminate"
          : (columns.internal ?? "ok"),
      anchored: this.#anchored(columns.anchored),
      // Lists are bounded: a hostile bundle must not make the report grow without end.
      failures: this.#failures.slice(0, MAX_LISTED),
      doubts: [...this.#doubts].slice(0, MAX_LISTED),
      notes: [
        ...[...this.#notes].slice(0, MAX_LISTED),
        ...(this.#failures.length > MAX_LISTED
          ? [`and ${this.#failures.length - MAX_LISTED} failures more`]
          : []),
      ],
    };
  }

  /** Nothing is established by a layer that does not hold by itself. */
  #anchored(otherwise: Anchored): Anchored {
    if (this.#anchoredFailed) return "failed";
    const holds = !this.#internalFailed && !this.#internalDoubt;
    return this.#anchoredDoubt || (otherwise === "established" && !holds) ? "untested" : otherwise;
  }
}
