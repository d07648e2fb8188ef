import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunbookStep } from "../contract/runbook.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import { next, readBackOf, type Surroundings } from "./next.ts";
import {
  type InvocationState,
  newInvocation,
  type Phase,
  type RunState,
  terminalPhases,
} from "./run-state.ts";

const RUN = "r1";
const phases: Phase[] = [
  "pending",
  "paused",
  "dispatched",
  "in-doubt",
  "resolved",
  "executed",
  "failed",
  "denied",
  "skipped",
  "cancelled",
];

function stateOf(
  steps: readonly { phases: readonly Phase[] | undefined; needs?: readonly string[] }[],
  mode: FailureMode = "stop",
): RunState {
  return {
    document: { run: RUN } as RunState["document"],
    documentDigest: "sha256:0",
    runbook: {} as RunState["runbook"],
    opened: "sha256:1",
    head: undefined,
    lastTime: "2026-11-23T10:00:00.000Z",
    receipts: 0,
    dispatches: 0,
    closed: undefined,
    steps: steps.map(({ phases: of, needs }, i) => {
      const id = `s${i}`;
      const definition = {
        id,
        uses: "a@1.0.0",
        ...(needs === undefined ? {} : { needs: [...needs] }),
      } as RunbookStep;
      const invocations = of?.map((phase, n): InvocationState => {
        const each = of.length > 1 ? { key: String(n), element: n } : undefined;
        return { ...newInvocation(RUN, id, each), phase };
      });
      return { definition, onFailure: mode, invocations };
    }),
  };
}

const around = (changes: Partial<Surroundings> = {}): Surroundings => ({
  cancelRequested: false,
  asked: new Set(),
  confirming: () => "impossible",
  ...changes,
});

const anySteps = fc
  .array(
    fc.record({
      phases: fc.option(fc.array(fc.constantFrom(...phases), { minLength: 1, maxLength: 3 }), {
        nil: undefined,
      }),
      needs: fc.option(fc.constantFrom<readonly string[]>([], ["s0"]), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((steps) =>
    steps.map(({ phases: of, needs }, i) => ({ phases: of, ...(needs && i > 0 ? { needs } : {}) })),
  );
const anyMode = fc.constantFrom("stop", "continue", "hold", "escalate" as const);
const anyState = fc.tuple(anySteps, anyMode).map(([steps, mode]) => stateOf(steps, mode));

describe("next", () => {
  it("takes the steps in order", () => {
    expect(next(stateOf([{ phases: ["executed"] }, { phases: ["pending"] }]), around())).toMatchObject({
      do: "attempt",
      invocation: { step: "s1" },
    });
  });

  it("waits for a paused step, once its gates were decided again", () => {
    const state = stateOf([{ phases: ["paused"] }, { phases: ["pending"] }]);
    expect(next(state, around())).toMatchObject({ do: "attempt", invocation: { step: "s0" } });
    expect(next(state, around({ asked: new Set([`${RUN}/s0`]) }))).toMatchObject({ do: "wait" });
  });

  it("lets a step overtake one that waits when what it needs was executed", () => {
    const state = stateOf([
      { phases: ["executed"] },
      { phases: ["paused"] },
      { phases: ["pending"], needs: ["s0"] },
    ]);
    const asked = new Set([`${RUN}/s1`]);
    expect(next(state, around({ asked }))).toMatchObject({ do: "attempt", invocation: { step: "s2" } });
  });

  it("reads a doubt back once, and ends it as that found", () => {
    const state = stateOf([{ phases: ["executed"] }, { phases: ["in-doubt"] }, { phases: ["pending"] }]);
    const possible = around({ confirming: () => "possible" });
    expect(next(state, possible)).toMatchObject({ do: "read-back", invocation: { step: "s1" } });
    const asked = new Set([readBackOf(`${RUN}/s1`)]);
    expect(next(state, { ...possible, asked })).toMatchObject({ do: "wait", for: [{ step: "s1" }] });
    const settled = around({ confirming: () => "settled" });
    expect(next(state, settled)).toMatchObject({ do: "finish", invocation: { step: "s1" } });
    expect(next(state, { ...possible, cancelRequested: true })).toMatchObject({ do: "read-back" });
  });

  it("holds after a failure until somebody releases it", () => {
    for (const mode of ["hold", "escalate"] as const) {
      const state = stateOf([{ phases: ["failed"] }, { phases: ["pending"] }], mode);
      const [invocation] = state.steps[0]?.invocations ?? [];
      if (invocation === undefined) throw new Error("no invocation");
      if (mode === "escalate") {
        expect(next(state, around())).toMatchObject({ do: "escalate", invocation: { step: "s0" } });
        invocation.escalation = { to: "incident-lead", digest: "sha256:2" };
      }
      expect(next(state, around())).toMatchObject({ do: "wait", for: [{ step: "s0" }] });
      invocation.released = true;
      expect(next(state, around())).toMatchObject({ do: "attempt", invocation: { step: "s1" } });
      invocation.handedOver = true;
      expect(next(state, around())).toMatchObject({ do: "cancel", reason: "handed-over" });
    }
  });

  it("closes only when every static step has ended and nothing is in doubt", () => {
    fc.assert(
      fc.property(anyState, fc.boolean(), (state, cancelRequested) => {
        const command = next(state, around({ cancelRequested }));
        if (command.do !== "close") return;
        for (const step of state.steps) {
          expect(step.invocations?.every(({ phase }) => terminalPhases.has(phase))).toBe(true);
        }
      }),
    );
  });

  it("never starts anything beside an attempt without an end", () => {
    fc.assert(
      fc.property(anyState, fc.boolean(), (state, cancelRequested) => {
        const open = state.steps.some((step) =>
          step.invocations?.some(({ phase }) => phase === "dispatched"),
        );
        const command = next(state, around({ cancelRequested }));
        if (open) expect(["settle", "finish"]).toContain(command.do);
      }),
    );
  });

  it("never attempts what has ended, and never cancels doubt", () => {
    fc.assert(
      fc.property(anyState, fc.boolean(), (state, cancelRequested) => {
        const command = next(state, around({ cancelRequested }));
        if (command.do === "attempt") expect(["pending", "paused"]).toContain(command.invocation.phase);
        if (command.do === "cancel" && command.invocation !== undefined) {
          expect(["pending", "paused"]).toContain(command.invocation.phase);
        }
      }),
    );
  });

  it("always says something, the same for the same record", () => {
    fc.assert(
      fc.property(anyState, fc.boolean(), (state, cancelRequested) => {
        const surroundings = around({ cancelRequested });
        expect(next(state, surroundings)).toEqual(next(state, surroundings));
      }),
    );
  });
});
