import { canonicalJson } from "../format/canonical-json.ts";
import { evidenceLines } from "./evidence-lines.ts";
import type { Report, StepReport, Verdict } from "./report.ts";
import { timeText } from "./time-text.ts";
import { element, type View, type ViewElement } from "./view.ts";
import { code, lines, list, mark, part, table, type ViewLimits } from "./view-parts.ts";

/** What was checked, and by which trust: the report itself does not know the names of files. */
export interface ReportContext {
  /** Name of the bundle or receipt file. */
  readonly subject: string;
  /** The trust file's name and `sha256:` digest; undefined without one. */
  readonly trust: { readonly name: string; readonly digest: string } | undefined;
}

/**
 * The report of a bundle as a view: verdict, both columns of each layer, failures, steps with their proof class,
 * what was observed and by whom, the boundary, what was denied, inferred, assumed, and said by the host alone.
 */
export function reportView(
  report: Report,
  context: ReportContext,
  limits: ViewLimits = { maxRows: Number.POSITIVE_INFINITY },
): ViewElement {
  const remarks = report.partial ? ["Partial: a run is still open."] : [];
  return element(
    "div",
    { class: "report" },
    verdictView(report.verdict, [...remarks, ...report.reasons], context, report.schema, limits),
    ...part("layers", "Layers", layers(report, limits)),
    ...part("failures", "Failures", failures(report, limits)),
    ...part("open", "Left open", doubts(report, limits)),
    ...part("runs", "Runs", runs(report, limits)),
    ...part("steps", "Steps", steps(report, limits)),
    ...part("observed", "Observed: as reported, not as true", observed(report, limits)),
    ...part("artifacts", "Artifacts", artifacts(report, limits)),
    ...part("evidence", "What became of the evidence", list(evidenceLines(report.evidence), limits)),
    ...part("denied", "Denied", denied(report, limits)),
    ...part("boundary", "Boundary", boundary(report)),
    ...part("inferred", "Inferred: what people conclude", inferred(report, limits)),
    ...part("doubt", "In doubt", list(report.doubt, limits)),
    ...part("host", "Asserted by the host alone", list(report.hostAsserted, limits)),
    ...part("assumed", "Assumed", [
      element(
        "dl",
        {},
        ...report.assumptions.flatMap(({ id, text }) => [element("dt", {}, id), element("dd", {}, text)]),
      ),
    ]),
    ...part(
      "ignored",
      "Not used: files that the manifest does not list",
      list(report.ignoredFiles.map(code), limits),
    ),
  );
}

/** The head of every report. */
export function verdictView(
  verdict: Verdict,
  reasons: readonly string[],
  { subject, trust }: ReportContext,
  schema: string,
  limits: ViewLimits,
): ViewElement {
  const by = trust === undefined ? "no trust file" : `${trust.name}, ${trust.digest}`;
  return element(
    "header",
    { class: `verdict ${verdict}` },
    element("h1", { id: "verdict", tabindex: "-1" }, `${SIGNS[verdict]} ${verdict}`),
    element("p", {}, MEANINGS[verdict]),
    ...list(reasons, limits),
    element(
      "dl",
      { class: "facts" },
      ...[
        ["checked", subject],
        ["trust", by],
        ["form", schema],
      ].flatMap(([name = "", value = ""]) => [element("dt", {}, name), element("dd", {}, value)]),
    ),
  );
}

const SIGNS: Readonly<Record<Verdict, string>> = { valid: "✓", invalid: "✕", indeterminate: "?" };
const MEANINGS: Readonly<Record<Verdict, string>> = {
  valid: "Everything checked here holds; the columns below say what continues from the reviewer's trust.",
  invalid: "Something contradicts itself, or contradicts what the reviewer trusts.",
  indeterminate: "Nothing is contradicted, but something could not be decided.",
};

function layers(report: Report, limits: ViewLimits): View[] {
  const rows = report.layers.map(({ layer, internal, anchored, notes }) => [
    layer,
    mark(internal),
    mark(anchored),
    lines(notes),
  ]);
  return table("layers-title", ["layer", "package-internal", "anchored", "notes"], rows, limits);
}

function failures(report: Report, limits: ViewLimits): View[] {
  const rows = report.layers.flatMap(({ layer, failures: found }) =>
    found.map(({ code: failure, message, path, receipt }) => [
      code(failure),
      layer,
      message,
      lines([path, receipt].flatMap((where) => (where === undefined ? [] : [code(where)]))),
    ]),
  );
  return table("failures-title", ["code", "layer", "what", "where"], rows, limits);
}

function doubts(report: Report, limits: ViewLimits): View[] {
  const rows = report.layers.flatMap(({ layer, doubts: open }) => open.map((text) => [layer, text]));
  return table("open-title", ["layer", "what keeps it from being decided"], rows, limits);
}

function runs(report: Report, limits: ViewLimits): View[] {
  const rows = report.runs.map((run) => [
    code(run.id),
    run.runbook,
    run.engagement,
    run.outcome,
    run.authorized ? mark("established") : mark("untested"),
    run.requester,
    run.objective,
    run.openedAt,
    timeText(run.time),
  ]);
  const head = [
    "run",
    "runbook",
    "engagement",
    "outcome",
    "authority",
    "asked by",
    "objective",
    "opened at",
    "time",
  ];
  return table("runs-title", head, rows, limits);
}

function steps(report: Report, limits: ViewLimits): View[] {
  const rows = report.steps.map((step) => [
    lines([nameOf(step), ...(step.readBack === undefined ? [] : [`read-back ${step.readBack}`])]),
    step.contract ?? "",
    lines([
      step.outcome === "in-doubt" ? mark(step.outcome) : step.outcome,
      ...(step.errorClass === undefined ? [] : [`${step.errorClass} (${step.side ?? "side unknown"})`]),
    ]),
    step.proofClass === undefined ? "" : mark(step.proofClass),
    lines([...step.missing.map((signal) => `missing ${signal}`), ...step.reasons]),
    timeText(step.time),
    lines([code(step.invocation), code(step.receipt)]),
  ]);
  const head = ["step", "contract", "outcome", "proof class", "because", "time", "invocation and receipt"];
  return table("steps-title", head, rows, limits);
}

function observed(report: Report, limits: ViewLimits): View[] {
  const rows = report.steps.flatMap((step) => {
    if (step.observed === undefined) return [];
    const { outputs, asReportedBy } = step.observed;
    return Object.entries(outputs).map(([name, value]) => [
      nameOf(step),
      asReportedBy,
      name,
      code(canonicalJson(value)),
    ]);
  });
  return table("observed-title", ["step", "as reported by", "output", "value"], rows, limits);
}

function artifacts(report: Report, limits: ViewLimits): View[] {
  const rows = report.steps.flatMap((step) =>
    step.artifacts.map(({ id, digest, size, exact }) => [
      code(id),
      `${size} bytes`,
      exact ? "exact" : "masked: not the exact bytes",
      code(digest),
    ]),
  );
  return table("artifacts-title", ["artifact", "size", "bytes", "digest"], rows, limits);
}

function denied(report: Report, limits: ViewLimits): View[] {
  const rows = report.denied.map(({ invocation, targets, gate, reason, receipt }) => [
    code(invocation),
    targets.join(", ") || "no target",
    gate,
    reason,
    code(receipt),
  ]);
  return table("denied-title", ["invocation", "targets", "gate", "reason", "receipt"], rows, limits);
}

function boundary(report: Report): View[] {
  return report.boundary.flatMap(({ contract, rows, attests, doesNotAttest }, index) => {
    const id = `boundary-${index}`;
    const cells = rows.map(({ row, witnessops, external }) => [row, lines(witnessops), lines(external)]);
    return [
      element("h3", { id }, contract),
      ...table(id, ["", "WitnessOps controls", "external system controls"], cells, { maxRows: cells.length }),
      element(
        "dl",
        {},
        element("dt", {}, "attests"),
        element("dd", {}, attests),
        element("dt", {}, "does not attest"),
        element("dd", {}, doesNotAttest),
      ),
    ];
  });
}

function inferred(report: Report, limits: ViewLimits): View[] {
  const rows = report.inferred.map(
    ({ statement, principal, confidence, supported, reasons, cites, ended, digest }) => [
      statement,
      ended ?? "stands",
      principal,
      supported ? confidence : `${confidence}, not supported`,
      lines(reasons),
      lines(cites.map((cite) => code(canonicalJson(cite)))),
      code(digest),
    ],
  );
  return table(
    "inferred-title",
    ["statement", "state", "by", "confidence", "because", "cites", "digest"],
    rows,
    limits,
  );
}

function nameOf({ id, key }: StepReport): string {
  return key === undefined ? id : `${id}[${key}]`;
}
