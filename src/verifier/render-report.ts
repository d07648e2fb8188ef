import { canonicalJson } from "../format/canonical-json.ts";
import { visibleText } from "../format/visible-text.ts";
import { evidenceLines } from "./evidence-lines.ts";
import type { Report, StepReport, Verdict } from "./report.ts";
import { timeText } from "./time-text.ts";

/** Options of `renderReport`. */
export interface RenderOptions {
  /** ANSI colours for the verdict and failures. Default false. */
  readonly color?: boolean;
  /** Columns to wrap to; at least 60. Default 100. */
  readonly width?: number;
}

const RED = "\u001b[31m";
const GREEN = "\u001b[32m";
const YELLOW = "\u001b[33m";
const PLAIN = "\u001b[0m";
const MAX_VALUE = 160;

/** The report as text for a terminal. Says what is proved, what is not, and by whom each fact is told. */
export function renderReport(report: Report, options: RenderOptions = {}): string {
  const width = Math.max(60, options.width ?? 100);
  const sections = [
    verdictSection(report, options.color === true),
    section("layers", layerLines(report)),
    section("runs", runLines(report)),
    section("steps", stepLines(report.steps)),
    section(
      "denied",
      report.denied.map((denied) => {
        const targets = denied.targets.join(", ") || "no target";
        return `${denied.invocation}: ${targets}, by gate ${denied.gate}: ${denied.reason}`;
      }),
    ),
    ...report.boundary.map((table) =>
      section(`boundary of ${table.contract}`, boundaryLines(table, width - 2)),
    ),
    section("observed (as reported, not as true)", observedLines(report.steps)),
    section(
      "inferred",
      report.inferred.flatMap((conclusion) => [
        `${conclusion.state === "stands" ? "" : `[${conclusion.state}] `}"${conclusion.statement}"`,
        `  by ${conclusion.principal}, confidence ${conclusion.confidence}${conclusion.supported ? "" : `, not supported: ${conclusion.reasons.join("; ")}`}; cites ${conclusion.cites.length}`,
        ...(conclusion.ended === undefined ? [] : [`  ${conclusion.ended}`]),
      ]),
    ),
    section("evidence", evidenceLines(report.evidence)),
    section("in doubt", report.doubt),
    section("asserted by the host alone", report.hostAsserted),
    section(
      "assumed",
      report.assumptions.map(({ id, text }) => `${id} ${text}`),
    ),
    section("failures", failureLines(report)),
    section(
      "not used",
      report.ignoredFiles.map((path) => `${path}: not in the manifest`),
    ),
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.flatMap((line) => wrap(line, width)).join("\n"));
  return `${text.join("\n\n")}\n`;
}

function verdictSection({ verdict, partial, reasons }: Report, color: boolean): string[] {
  const colors: Readonly<Record<Verdict, string>> = { valid: GREEN, invalid: RED, indeterminate: YELLOW };
  const shown = color ? `${colors[verdict]}${verdict}${PLAIN}` : verdict;
  const part = partial ? " (partial: a run is still open)" : "";
  return [`verdict: ${shown}${part}`, ...reasons.map((reason) => `  ${printable(reason)}`)];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${printable(line)}`)];
}

function layerLines({ layers }: Report): string[] {
  const width = Math.max(...layers.map(({ layer }) => layer.length));
  return [
    `${"".padEnd(width)}  ${"package-internal".padEnd(16)}  anchored`,
    ...layers.flatMap(({ layer, internal, anchored, notes }) => [
      `${layer.padEnd(width)}  ${internal.replace("-", " ").padEnd(16)}  ${anchored.replace("-", " ")}`,
      ...(internal === "not-present" ? [] : notes.map((note) => `  ${note}`)),
    ]),
  ];
}

function runLines({ runs }: Report): string[] {
  return runs.flatMap((run) => [
    `${run.id}  ${run.runbook}, engagement ${run.engagement}: ${run.outcome}${run.authorized ? "" : ", authority not established"}`,
    `  asked by ${run.requester}: ${run.objective}`,
    `  ${timeText(run.time)}`,
  ]);
}

function stepLines(steps: readonly StepReport[]): string[] {
  const width = Math.max(0, ...steps.map((step) => nameOf(step).length));
  return steps.flatMap((step) => {
    const failed = step.errorClass === undefined ? "" : ` ${step.errorClass} (${step.side ?? "?"})`;
    const proof = step.proofClass === undefined ? "" : step.proofClass.replace("-", " ");
    const line = `${nameOf(step).padEnd(width)}  ${(step.outcome + failed).padEnd(10)}  ${proof}`.trimEnd();
    const when = step.time.bound === "bounded" ? [`  ${timeText(step.time)}`] : [];
    const because = [...step.missing.map((signal) => `missing ${signal.replace("-", " ")}`), ...step.reasons];
    return [line, ...when, ...(because.length === 0 ? [] : [`  ${because.join("; ")}`])];
  });
}

function nameOf({ id, key }: StepReport): string {
  return key === undefined ? id : `${id}[${key}]`;
}

function boundaryLines(table: Report["boundary"][number], width: number): string[] {
  const column = Math.floor((width - 3) / 2);
  const lines = [`${"WitnessOps controls".padEnd(column)} | external system controls`];
  for (const { row, witnessops, external } of table.rows) {
    lines.push(`[${row}]`);
    const left = witnessops.flatMap((text) => wrap(printable(text), column));
    const right = external.flatMap((text) => wrap(printable(text), column));
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      lines.push(`${(left[i] ?? "").padEnd(column)} | ${right[i] ?? ""}`.trimEnd());
    }
  }
  return [...lines, `attests: ${table.attests}`, `does not attest: ${table.doesNotAttest}`];
}

function observedLines(steps: readonly StepReport[]): string[] {
  return steps.flatMap((step) => {
    if (step.observed === undefined) return [];
    const { outputs, asReportedBy } = step.observed;
    return [
      `${nameOf(step)}, as reported by ${asReportedBy}:`,
      ...Object.entries(outputs).map(([name, value]) => `  ${name}: ${shorten(canonicalJson(value))}`),
    ];
  });
}

function failureLines({ layers }: Report): string[] {
  return layers.flatMap(({ layer, failures }) =>
    failures.map(({ code, message, path, receipt }) => {
      const where = [path, receipt].filter((part) => part !== undefined).join(", ");
      return `${code}  [${layer}] ${message}${where === "" ? "" : ` (${where})`}`;
    }),
  );
}

function shorten(text: string): string {
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE - 1)}…` : text;
}

/** Nothing in a bundle may move the cursor or hide text: such characters are shown as `?`. */
function printable(text: string): string {
  return visibleText(text, () => "?");
}

function wrap(line: string, width: number): string[] {
  if (line.length <= width) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  const out: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const cut = space > indent.length + 2 ? space : width;
    out.push(rest.slice(0, cut));
    rest = `${indent}  ${rest.slice(cut).trimStart()}`;
  }
  return [...out, rest];
}
