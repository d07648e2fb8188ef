/** Gates at which an action can wait. */
export type PausingGate = "approval" | "input";

/** When an action first paused at a gate, UTC by the host's clock. To pause there again restarts no term. */
export type PausedAt = Readonly<Partial<Record<PausingGate, string>>>;

/** One pause of an invocation: which action, at which gate, when. */
export interface Pause {
  readonly actionDigest: string;
  readonly gate: string;
  readonly at: string;
}

/** When an action first paused, by gate. @param pauses of one invocation, in the order in which they were recorded. */
export function pausedAtOf(pauses: readonly Pause[], actionDigest: string): PausedAt {
  const first: Partial<Record<PausingGate, string>> = {};
  for (const pause of pauses) {
    if (pause.actionDigest !== actionDigest) continue;
    if (pause.gate === "approval" || pause.gate === "input") first[pause.gate] ??= pause.at;
  }
  return first;
}
