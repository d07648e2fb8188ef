import { type InvocationState, invocationsOf, type RunState } from "../run/run-state.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { nameOf } from "./print-run.ts";

/**
 * The invocation that a person means: named as `step` or `step[key]`, or the only one that fits.
 *
 * @param what in messages: `waits for an approval`.
 * @throws CliError `NOT_FOUND`, `REFUSED` when it does not fit, `USAGE` when several do.
 */
export function findWaiting(
  state: RunState,
  name: string | undefined,
  what: string,
  fits: (invocation: InvocationState) => boolean,
): InvocationState {
  const { run } = state.document;
  const all = [...invocationsOf(state)];
  const label = ({ step, key }: InvocationState): string =>
    nameOf({ id: step, ...(key === undefined ? {} : { key }) });
  if (name !== undefined) {
    const named = all.find((one) => label(one) === name || one.id === name);
    if (named === undefined)
      throw notFound(`run \`${run}\` has no step \`${name}\``, `witnessops run show ${run}`);
    if (fits(named)) return named;
    throw refused(`\`${name}\` is ${named.phase}: nothing there ${what}`, `witnessops run show ${run}`);
  }
  const waiting = all.filter(fits);
  const [only] = waiting;
  if (only === undefined) throw refused(`nothing in run \`${run}\` ${what}`, `witnessops run show ${run}`);
  if (waiting.length === 1) return only;
  throw usage(`several steps of run \`${run}\` wait`, `name one: ${waiting.map(label).join(", ")}`);
}
