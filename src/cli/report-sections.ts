import type { EngagementReport } from "../run/engagement-report.ts";
import { short } from "./find-receipt.ts";

/** One table of the report, for terminal and page alike. */
export interface ReportSection {
  readonly title: string;
  /** What an empty table means. */
  readonly none: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What was observed: everything but conclusions. */
export function observedSections(report: EngagementReport): ReportSection[] {
  return [
    {
      title: "runs",
      none: "no run was opened",
      header: ["run", "runbook", "asked by", "objective", "ticket", "opened (host)", "outcome"],
      rows: report.runs.map((one) => [
        one.run,
        one.runbook,
        one.requester,
        one.objective,
        one.ticket ?? "",
        one.openedAt,
        one.outcome,
      ]),
    },
    {
      title: "what ran",
      none: "nothing was called",
      header: [
        "run",
        "step",
        "contract",
        "outcome",
        "error",
        "evidence, as the workspace sees it",
        "receipt",
      ],
      rows: report.ran.map((one) => [
        one.run,
        one.step,
        one.contract,
        one.outcome,
        one.errorClass ?? "",
        one.evidence,
        short(one.receipt),
      ]),
    },
    {
      title: "what was denied, and why",
      none: "nothing was denied",
      header: ["run", "step, runbook or artifact", "why", "receipt"],
      rows: report.denied.map((one) => [
        one.run ?? "not admitted",
        one.what,
        one.why.join("; "),
        short(one.receipt),
      ]),
    },
    {
      title: "who approved",
      none: "nobody was asked, or nobody answered",
      header: ["run", "step", "principal", "decision", "key", "recorded (host)"],
      rows: report.approvals.map((one) => [
        one.run,
        one.step,
        one.principal,
        one.decision,
        one.keyId,
        one.at,
      ]),
    },
    {
      title: "acted without approval",
      none: "nobody did",
      header: ["run", "step", "by", "because", "at (host)", "review", "until"],
      rows: report.breakGlass.map(({ run, invocation, by, reason, at, state, dueAt, reviewedBy }) => [
        run,
        invocation.slice(invocation.indexOf("/") + 1),
        by,
        reason,
        at,
        reviewedBy === undefined ? state : `${state}, says ${reviewedBy}`,
        dueAt,
      ]),
    },
    {
      title: "exceptions",
      none: "none",
      header: ["run", "exception"],
      rows: report.exceptions.map(({ run, exception }) => [run, exception]),
    },
    {
      title: "doubt",
      none: "none",
      header: ["run", "step", "since (host)", "settled"],
      rows: report.doubt.map((one) => [
        one.run,
        one.step,
        one.since,
        one.finding === undefined ? "nobody knows yet" : `${one.finding}, says ${one.by ?? ""}`,
      ]),
    },
    {
      title: "evidence that is sealed, held, quarantined or gone",
      none: evidenceText(report),
      header: ["artifact", "bytes", "sensitivity", "state", "captured (host)", "by", "sealed to"],
      rows: report.evidence
        .filter(({ state, sealedTo }) => state !== "kept" || sealedTo !== undefined)
        .map((one) => [
          one.artifact,
          String(one.size),
          one.sensitivity ?? "unclassified",
          one.state === "kept" ? "sealed" : one.state,
          one.capturedAt,
          one.by ?? "",
          one.sealedTo?.join(", ") ?? "",
        ]),
    },
    {
      title: "what was done to evidence",
      none: "nothing, after it was collected",
      header: ["artifact", "what", "by", "at (host)", "because", "receipt"],
      rows: report.handled.map(({ artifact, what, to, by, at, reason, receipt }) => [
        artifact,
        to === undefined ? what : `${what} ${HOW[what] ?? ""} ${to}`,
        by,
        at,
        reason ?? "",
        short(receipt),
      ]),
    },
    {
      title: "authorizations and status",
      none: "none",
      header: ["event", "by", "reason", "recorded (host)"],
      rows: report.governance.map((one) => [one.event, one.actor, one.reason ?? "", one.at]),
    },
  ];
}

const HOW: Readonly<Record<string, string>> = { classified: "as", released: "to", redacted: "from" };

function evidenceText({ evidence }: EngagementReport): string {
  return evidence.length === 0 ? "nothing was captured" : `none of ${evidence.length} artifacts`;
}

/** What people conclude from it. */
export function inferredSection({ inferred }: EngagementReport): ReportSection {
  return {
    title: "conclusions",
    none: "nobody concluded anything",
    header: ["run", "conclusion", "confidence", "by", "cites", "digest", "state"],
    rows: inferred.map((one) => [
      one.run,
      one.statement,
      one.confidence,
      one.principal,
      one.cites.map(short).join(", "),
      short(one.digest),
      one.state,
    ]),
  };
}
