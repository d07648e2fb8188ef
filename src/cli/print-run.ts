import { isolationText } from "../contract/isolation-text.ts";
import type { RunView, StepView } from "../run/view-run.ts";
import { type Exit, exit } from "./exit.ts";
import { short } from "./find-receipt.ts";
import type { Cell, Printer, Style } from "./output.ts";

/** 0 when every step was executed or skipped, 3 while it waits or is open, 1 otherwise. */
export function exitOfRun(view: RunView): Exit {
  if (view.state !== "closed") return exit.waiting;
  return view.steps.every(({ outcome }) => outcome === "executed" || outcome === "skipped")
    ? exit.done
    : exit.refused;
}

/** Prints a run: what was asked, how each step ended, what it waits for. */
export function printRun(out: Printer, view: RunView): void {
  out.pairs([
    ["run", { text: view.run, style: "bold" }],
    ["runbook", view.runbook],
    ["engagement", view.engagement],
    ["inputs", JSON.stringify(view.inputs)],
    ["asked by", view.requester],
    ["objective", view.objective],
    ["opened", `${view.openedAt} (host's claim)`],
    ["state", stateCell(view)],
  ]);
  out.heading("steps");
  out.table(
    ["step", "outcome", "contract", "receipt", "why"],
    view.steps.map((step) => [
      nameOf(step),
      outcomeCell(step.outcome),
      step.contract,
      step.receipt === undefined ? "" : short(step.receipt),
      whyOf(step),
    ]),
  );
  printTools(out, view);
  printNext(out, view);
}

/** Of programs that were run: what held them. All else runs in this process, behind the egress guard. */
function printTools(out: Printer, { steps }: RunView): void {
  const rows = steps.flatMap((step) =>
    step.isolation === undefined || step.isolation === "in-process" || step.attempts === 0
      ? []
      : [[nameOf(step), `isolation ${isolationText(step.isolation)}`, `egress ${step.egress ?? ""}`]],
  );
  if (rows.length === 0) return;
  out.heading("tools");
  out.table([], rows);
}

/** `step`, or `step[key]`; of a read-back, `step read-back 1`. */
export function nameOf(step: {
  readonly id: string;
  readonly key?: string;
  readonly readBack?: number;
}): string {
  const name = step.key === undefined ? step.id : `${step.id}[${step.key}]`;
  return step.readBack === undefined ? name : `${name} read-back ${step.readBack}`;
}

const STYLES: Readonly<Record<string, Style>> = {
  executed: "good",
  failed: "bad",
  denied: "bad",
  "in-doubt": "warn",
  paused: "warn",
  skipped: "dim",
  cancelled: "dim",
};

/** An outcome, coloured. */
export function outcomeCell(outcome: string): Cell {
  return { text: outcome, style: STYLES[outcome] ?? "plain" };
}

function stateCell({ state, outcome }: RunView): Cell {
  if (state === "waiting") return { text: "waiting for somebody", style: "warn" };
  return outcome === undefined ? state : `${state}: ${outcome}`;
}

function whyOf({ errorClass, gate, reason, faults, waitingFor }: StepView): string {
  switch (waitingFor?.what) {
    case "approval":
      return `waits for an approval${waitingFor.expiresAt === undefined ? "" : ` until ${waitingFor.expiresAt}`}`;
    case "answer":
      return `waits for somebody's answer${waitingFor.expiresAt === undefined ? "" : ` until ${waitingFor.expiresAt}`}`;
    case "signal":
      return `waits for a webhook${waitingFor.expiresAt === undefined ? "" : ` until ${waitingFor.expiresAt}`}`;
    case "time":
      return `waits until ${waitingFor.due ?? "its time has come"}`;
    case "resolution":
      return "nobody knows whether it happened: waits for a read-back or a signed resolution";
    case "release":
      return `${errorClass ?? reason ?? "failed"}: ${waitingFor.escalatedTo === undefined ? "" : `escalated to ${waitingFor.escalatedTo}, `}held until somebody releases it`;
    default:
      if (errorClass !== undefined) return errorClass;
      if (gate !== undefined) return `${gate}: ${reason ?? ""}`;
      return faults?.[0] === undefined ? (reason ?? "") : `${reason ?? ""}: ${faults[0]}`;
  }
}

function printNext(out: Printer, { run, state, steps }: RunView): void {
  const waiting = steps.filter((step) => step.waitingFor !== undefined);
  if (state === "closed") {
    out.heading("next");
    out.line(`  witnessops bundle export ${run} -o ${run}.tar`);
    return;
  }
  out.heading("next");
  if (waiting.length === 0) out.line(`  witnessops run resume ${run}`);
  for (const step of waiting) {
    if (step.waitingFor?.what === "approval") {
      out.line(`  witnessops run approve ${run} ${nameOf(step)} --as <approver> --key <file>`);
    } else if (step.waitingFor?.what === "answer") {
      out.line(`  witnessops run answer ${run} ${nameOf(step)}`);
    } else if (step.waitingFor?.what === "signal") {
      out.line(`  witnessops run listen    (the webhook names ${step.invocation})`);
    } else if (step.waitingFor?.what === "time") {
      out.line(`  witnessops run resume ${run}    (from ${step.waitingFor.due ?? "its time"} on)`);
    } else {
      const finding = step.waitingFor?.what === "release" ? "continue|hand-over" : "executed|failed|retry";
      out.line(
        `  witnessops run resolve ${run} ${nameOf(step)} --finding ${finding} --reason <text> --as <id> --key <file>`,
      );
    }
  }
}
