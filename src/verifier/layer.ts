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
  readonly #codes = new Set<FailureCode>();
  #unlisted = 0;
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
    this.#list({ code, message, ...at });
  }

  /** Takes over what was found while reading. */
  failAll(failures: readonly Failure[]): void {
    for (const { code, message, ...at } of failures) this.fail(code, message, at);
  }

  /** The bundle contradicts what the reviewer trusts. */
  contradict(code: FailureCode, message: string, at: { path?: string; receipt?: Digest } = {}): void {
    this.#anchoredFailed = true;
    this.#list({ code, message, ...at });
  }

  /** Bounded: a hostile bundle must not make verifier and report grow without end. Every code that is found is listed. */
  #list(failure: Failure): void {
    if (this.#failures.length >= MAX_LISTED && this.#codes.has(failure.code)) this.#unlisted += 1;
    else this.#failures.push(failure);
    this.#codes.add(failure.code);
  }

  /** The bundle alone does not say. */
  doubt(message: string): void {
    this.#internalDoubt = true;
    add(this.#doubts, message);
  }

  /** The reviewer's trust does not reach. */
  untested(message: string): void {
    this.#anchoredDoubt = true;
    add(this.#doubts, message);
  }

  note(message: string): void {
    add(this.#notes, message);
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
      failures: [...this.#failures],
      doubts: [...this.#doubts],
      notes: [...this.#notes, ...(this.#unlisted > 0 ? [`and ${this.#unlisted} failures more`] : [])],
    };
  }

  /** Nothing is established by a layer that does not hold by itself. */
  #anchored(otherwise: Anchored): Anchored {
    if (this.#anchoredFailed) return "failed";
    const holds = !this.#internalFailed && !this.#internalDoubt;
    return this.#anchoredDoubt || (otherwise === "established" && !holds) ? "untested" : otherwise;
  }
}

function add(list: Set<string>, message: string): void {
  if (list.size < MAX_LISTED) list.add(message);
}
