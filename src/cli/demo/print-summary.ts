import { renderBoundaryTable } from "../../contract/boundary-table.ts";
import type { Report } from "../../verifier/report.ts";
import type { Cell, Printer } from "../output.ts";
import type { DemoFindings } from "./findings.ts";

/** The end of the demo: what ran, what was denied, what is observed and what is inferred, and the verdicts. */
export function printSummary(out: Printer, findings: DemoFindings): void {
  const { exposure, triage, outOfScope, trusted, untrusted, tampered, triageReport } = findings;
  out.line();
  out.heading("summary");
  out.table(
    ["step", "path", "outcome", "proof class"],
    [trusted, triageReport].flatMap((report) => stepRows(report)),
  );
  out.line();
  for (const step of outOfScope.steps.filter((one) => one.outcome === "denied")) {
    out.line(
      `denied: ${step.id} for ${String(outOfScope.inputs.target)} by gate ${step.gate}: ${step.reason}`,
    );
  }
  out.line();
  printBoundary(out, trusted, exposure.steps.find((step) => step.id === "ports")?.contract);
  out.heading("observed");
  for (const step of [...trusted.steps, ...triageReport.steps]) {
    if (step.observed === undefined) continue;
    out.line(`  ${nameOf(step)}, as reported by ${step.observed.asReportedBy}:`);
    out.line({ text: `    ${shorten(JSON.stringify(step.observed.outputs))}`, style: "dim" });
  }
  out.heading("inferred");
  for (const conclusion of triageReport.inferred) {
    out.line(
      `  ${conclusion.statement} (${conclusion.confidence}, by ${conclusion.principal}, cites ${conclusion.cites.length})`,
    );
  }
  out.line();
  out.table(
    ["verification of the bundle", "verdict"],
    [
      ["with the reviewer's trust", verdictCell(trusted)],
      ["without any trust", verdictCell(untrusted)],
      ["one artifact byte changed", verdictCell(tampered)],
    ],
  );
  out.line();
  out.pairs([
    ["runs", `${exposure.run}, ${triage.run}`],
    ["bundle", findings.bundle],
    ["trust", findings.trust],
  ]);
  out.line(`Check it yourself: witnessops verify ${findings.bundle} --trust ${findings.trust}`);
}

/** The boundary of the one step that was intrusive; the others read alike. */
function printBoundary(out: Printer, report: Report, contract: string | undefined): void {
  const table = report.boundary.find((one) => one.contract === contract);
  if (table === undefined) return;
  out.heading(`boundary of ${table.contract}`);
  const rows = table.rows.map(({ row, witnessops, external }) => ({ row, controlled: witnessops, external }));
  for (const line of renderBoundaryTable(rows).split("\n")) out.line(line);
  out.line({ text: "every contract has one: witnessops catalog show <id>", style: "dim" });
}

const WIDTH = 110;

function shorten(text: string): string {
  return text.length <= WIDTH ? text : `${text.slice(0, WIDTH)}…`;
}

function nameOf(step: Report["steps"][number]): string {
  return step.key === undefined ? step.id : `${step.id}[${step.key}]`;
}

function stepRows(report: Report): Cell[][] {
  return report.steps.map((step) => [
    nameOf(step),
    pathOf(step.outcome),
    step.outcome,
    step.proofClass === undefined ? "-" : step.proofClass.replace("-", " "),
  ]);
}

/** Where on the governed path the step ended. */
function pathOf(outcome: string): string {
  if (outcome === "executed" || outcome === "failed")
    return "contract → gates → dispatch → adapter → artifacts → receipt";
  return outcome === "denied" ? "contract → gates → receipt" : "receipt";
}

function verdictCell(report: Report): Cell {
  const codes = new Set(report.layers.flatMap((layer) => layer.failures.map((failure) => failure.code)));
  const text = [report.verdict, ...codes].join(" ");
  return { text, style: report.verdict === "valid" ? "good" : report.verdict === "invalid" ? "bad" : "warn" };
}
