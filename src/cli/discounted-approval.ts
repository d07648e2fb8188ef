import { gateStep } from "../run/gate-step.ts";
import type { Lane } from "../run/lane.ts";

/** What the approval gate has against an approval that it was given; nobody should walk away thinking it counted. */
export async function whyItDoesNotCount(
  lane: Lane,
  run: string,
  id: string,
  digest: string,
): Promise<string | undefined> {
  const state = lane.states.load(run);
  const step = state.steps.find(({ invocations }) => invocations?.some((one) => one.id === id));
  const invocation = step?.invocations?.find((one) => one.id === id);
  if (step === undefined || invocation === undefined) return undefined;
  const decided = await gateStep(lane, state, step, invocation, 1);
  if (!decided.ok) return undefined;
  const facts = decided.gated.record.gates.find(({ gate }) => gate === "approval")?.facts;
  const discounted = facts?.discounted as { approval: string; because: string }[] | undefined;
  return discounted?.find(({ approval }) => approval === digest)?.because;
}
