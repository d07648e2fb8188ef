import { renderReport } from "../../verifier/render-report.ts";
import type { Report } from "../../verifier/report.ts";
import type { DemoFindings } from "../demo.ts";
import type { Cell, Printer } from "../output.ts";

/** The end of the demo: what ran, what was denied, what is observed and what is inferred, and the verdicts. */
export function printSummary(out: Printer, findings: DemoFindings): void {
  const { exposure, triage, outOfScope, trusted, untrusted, tampered, triageReport } = findings;
  out.line();
  for (const line of renderReport(trusted).split("\n")) out.line(line);
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
  out.line({ text: "inferred", style: "bold" }, ", not observed:");
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

function stepRows(report: Report): Cell[][] {
  return report.steps.map((step) => [
    step.key === undefined ? step.id : `${step.id}[${step.key}]`,
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
