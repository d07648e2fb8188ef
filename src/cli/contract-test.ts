import type { Contract } from "../contract/contract.ts";
import type { JsonObject } from "../format/json.ts";
import type { Signal, StepReport } from "../verifier/index.ts";
import type { Printer } from "./output.ts";

/** One call of a test, as its receipt tells it. */
export interface TestedCase {
  readonly case: string;
  /** `executed`, `failed`, `in-doubt`, `denied`, or `paused` while it waits for somebody. */
  readonly outcome: string;
  readonly errorClass?: string;
  readonly side?: string;
  readonly outputs?: JsonObject;
  /** Signals of strong proof that its receipt lacks. */
  readonly missing: readonly Signal[];
  /** The case shows a fault of the contract. */
  readonly problem?: string;
  /** Why the case says nothing about the contract. */
  readonly note?: string;
}

/** What a test found of a contract (design section 8 for the signals). */
export interface ContractTest {
  /** `id@version`. */
  readonly contract: string;
  readonly against: string;
  readonly inputs: JsonObject;
  /** What the calls are about, `kind:value`. */
  readonly subjects: readonly string[];
  readonly cases: readonly TestedCase[];
  /** How many answers the contract mapped to its outputs. */
  readonly mapped: number;
  /** Every class that the contract declares, with the cases that ended with it. */
  readonly classes: readonly { readonly class: string; readonly reachedBy: readonly string[] }[];
  readonly signals: readonly { readonly signal: Signal; readonly holds: boolean }[];
  /** Why the test failed; empty when it passed. */
  readonly problems: readonly string[];
}

const SIGNALS: readonly Signal[] = [
  "contract-identity",
  "invocation-outcome",
  "artifact-integrity",
  "receipt-linkage",
  "verification-scope",
];

/** Puts a test together. Every call that was answered must have all five signals; `problems` are what else went wrong. */
export function contractTest(
  contract: Contract,
  found: Pick<ContractTest, "against" | "inputs" | "subjects" | "cases"> & {
    readonly problems?: readonly string[];
  },
): ContractTest {
  const { cases, problems = [] } = found;
  const ended = cases.filter(
    ({ outcome, note }) => note === undefined && (outcome === "executed" || outcome === "failed"),
  );
  const signals = SIGNALS.map((signal) => ({
    signal,
    holds: ended.length > 0 && ended.every(({ missing }) => !missing.includes(signal)),
  }));
  const lacking = signals.filter(({ holds }) => !holds).map(({ signal }) => `no ${signal}`);
  return {
    contract: `${contract.id}@${contract.version}`,
    ...found,
    mapped: cases.filter(({ outputs }) => outputs !== undefined).length,
    classes: contract.errors.map(({ class: name }) => ({
      class: name,
      reachedBy: cases.filter(({ errorClass }) => errorClass === name).map((one) => one.case),
    })),
    signals,
    problems: [
      ...problems,
      ...cases.flatMap((one) => (one.problem === undefined ? [] : [`${one.case}: ${one.problem}`])),
      ...lacking,
    ],
  };
}

/** A case as the verifier's report of its step tells it. */
export function testedCase(name: string, step: StepReport | undefined, problem?: string): TestedCase {
  const { outcome = "none", errorClass, side, observed, missing = [], reasons = [] } = step ?? {};
  return {
    case: name,
    outcome,
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(side === undefined ? {} : { side }),
    ...(observed === undefined ? {} : { outputs: observed.outputs }),
    missing,
    ...(problem === undefined ? {} : { problem }),
    // Such an outcome is never strong proof, whatever the contract says.
    ...(reasons.some((reason) => reason.endsWith("a read-back found"))
      ? { note: "in doubt, and settled by its read-back" }
      : {}),
  };
}

/** Prints a test for people. */
export function printContractTest(out: Printer, test: ContractTest): void {
  const { cases, classes, inputs, mapped, problems, signals, subjects } = test;
  out.pairs([
    ["contract", { text: test.contract, style: "bold" }],
    ["against", test.against],
    ["inputs", `accepted: ${JSON.stringify(inputs)}`],
    ["about", subjects.join(", ")],
    ["outputs", `mapped from ${mapped} of ${cases.length} answers`],
  ]);
  out.heading("cases");
  out.table(
    ["case", "outcome", "class", ""],
    cases.map((one) => [
      one.case,
      { text: one.outcome, style: one.problem === undefined ? "plain" : "bad" },
      one.errorClass ?? "",
      one.note ?? "",
    ]),
  );
  out.heading("error classes");
  out.table(
    ["class", "reached by"],
    classes.map(({ class: name, reachedBy }) => [
      name,
      reachedBy.length === 0 ? { text: "no case", style: "warn" } : reachedBy.join(", "),
    ]),
  );
  out.heading("signals");
  out.table(
    [],
    signals.map(({ signal, holds }) => [
      signal,
      { text: holds ? "holds" : "missing", style: holds ? "good" : "bad" },
    ]),
  );
  out.line();
  for (const problem of problems) out.line({ text: "problem: ", style: "bad" }, problem);
  out.line({
    text: problems.length === 0 ? "passed" : "failed",
    style: problems.length === 0 ? "good" : "bad",
  });
}
