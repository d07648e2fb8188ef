import type { Escalation } from "../contract/escalation.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { RunState } from "../run/run-state.ts";
import { invocationsOf } from "../run/run-state.ts";
import { CliError } from "./cli-error.ts";
import { argument, defineCommand, optionalArgument } from "./command.ts";
import { exit } from "./exit.ts";
import { short } from "./find-receipt.ts";
import { findWaiting } from "./find-waiting.ts";
import type { Printer } from "./output.ts";
import { withRuns } from "./read-runs.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that was escalated)"),
  },
  example: "run escalation 3f9ab2c41d07e865",
  async run({ run, step }, context) {
    return withRuns(context, ({ states, store }) => {
      const digest = digestOf(states.load(run), step);
      const bytes = store.document(digest as `sha256:${string}`);
      if (bytes === undefined)
        throw new CliError({ code: "NOT_FOUND", message: `the ledger lacks the package \`${digest}\`` });
      const given = parseJson(bytes) as unknown as Escalation;
      return {
        exit: exit.done,
        json: { digest, escalation: given },
        print: (out: Printer) => printEscalation(out, digest, given),
      };
    });
  },
});

function digestOf(state: RunState, step: string | undefined): string {
  const named = step ?? onlyEscalated(state);
  return findWaiting(state, named, "was escalated", ({ escalation }) => escalation !== undefined).escalation
    ?.digest as string;
}

/** Undefined when it is not one and only one: then `findWaiting` says what there is. */
function onlyEscalated(state: RunState): string | undefined {
  const found = [...invocationsOf(state)].filter(({ escalation }) => escalation !== undefined);
  return found.length === 1 ? found[0]?.id : undefined;
}

function printEscalation(out: Printer, digest: string, given: Escalation): void {
  out.pairs([
    ["run", given.run],
    ["did not succeed", given.invocation],
    ["escalated to", { text: given.to, style: "bold" }],
    ["objective", given.objective],
    ["package", digest],
  ]);
  out.heading("observed, as reported by the systems called");
  out.table(
    ["invocation", "outcome", "error", "contract", "artifacts", "receipt"],
    given.observed.map(({ invocation, outcome, errorClass, contract, artifacts, receipt }) => [
      invocation,
      outcome,
      errorClass ?? "",
      contract ?? "",
      String(artifacts.length),
      short(receipt),
    ]),
  );
  if (given.decided.length > 0) {
    out.heading("decided");
    out.table(
      ["invocation", "what", "by", "why", "receipt"],
      given.decided.map(({ invocation, what, by, why, receipt }) => [
        invocation,
        what,
        by ?? "",
        why.join("; "),
        short(receipt),
      ]),
    );
  }
  out.heading("open");
  for (const question of given.openQuestions) out.line(`  ${question}`);
  for (const { invocation, attempt, receipt } of given.doubt)
    out.line(`  doubt: attempt ${attempt} of ${invocation}, ${short(receipt)}`);
}
