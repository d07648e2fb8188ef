import { readFileSync } from "node:fs";
import { ContractError } from "../contract/contract-error.ts";
import type { Path } from "../contract/fault.ts";
import type { Finding } from "../contract/finding.ts";
import { parseYaml } from "../contract/parse-yaml.ts";
import { type Exit, exit } from "./exit.ts";
import { Printer } from "./output.ts";
import { faultLine } from "./report-error.ts";

/** Something that lint says about one file. */
export interface LintLine {
  readonly file: string;
  /** `malformed`: it cannot be read as what it is. */
  readonly level: "malformed" | Finding["level"];
  readonly line?: number;
  readonly column?: number;
  readonly path: string;
  readonly message: string;
}

/** Reads and lints one document; what cannot be read is told fault by fault. */
export function lintFile(file: string, path: string, lint: (text: string) => readonly Finding[]): LintLine[] {
  const text = readFileSync(path, "utf8");
  try {
    const findings = lint(text);
    if (findings.length === 0) return [];
    const source = parseYaml(text, file);
    return findings.map((finding) => ({ file, ...finding, ...source.locate(partsOf(finding.path)) }));
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    return error.faults.map(({ code: _code, ...fault }) => ({ file, level: "malformed", ...fault }));
  }
}

/** The parts of a path as faults and findings spell it: `steps[2].with["a b"]`. */
export function partsOf(path: string): Path {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    ([, index, quoted, name]) => {
      if (index !== undefined) return Number(index);
      return quoted === undefined ? (name ?? "") : (JSON.parse(`"${quoted}"`) as string);
    },
  );
}

/** 2 when a document cannot be read, 1 when one has errors. */
export function exitOfLint(lines: readonly LintLine[]): Exit {
  if (lines.some(({ level }) => level === "malformed")) return exit.usage;
  return lines.some(({ level }) => level === "error") ? exit.refused : exit.done;
}

/** Prints findings on stderr and the count of `what`, one word in the singular, on stdout. */
export function printLint(out: Printer, lines: readonly LintLine[], files: number, what: string): void {
  const err = new Printer(process.stderr);
  for (const line of lines) {
    const isWarning = line.level === "warning";
    const text = faultLine(line.file, { code: "value", ...line });
    err.line({ text: isWarning ? "warning:" : "error:", style: isWarning ? "warn" : "bad" }, ` ${text}`);
  }
  const errors = lines.filter(({ level }) => level !== "warning").length;
  const warnings = lines.length - errors;
  out.line([counted(files, what), counted(errors, "error"), counted(warnings, "warning")].join(", "));
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
