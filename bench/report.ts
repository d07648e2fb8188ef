import { availableParallelism, cpus, loadavg } from "node:os";
import { type Figure, type Line, meets } from "./figure.ts";

/** The table: one line per figure, columns aligned. */
export function renderTable(lines: readonly Line[]): string {
  const rows = lines.map((line) =>
    "skipped" in line
      ? [line.name, "", "", "", `skipped: ${line.skipped}`]
      : [line.name, textOf(line.value), line.unit, targetOf(line), metOf(line)],
  );
  const all = [["name", "value", "unit", "target", "met"], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return all.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** One object: figures, floors and ratios by name, which targets are met, and where it was measured. */
export function renderJson(lines: readonly Line[], seconds: number): string {
  const measured = lines.filter((line): line is Figure => !("skipped" in line));
  const ofKind = (kind: Figure["kind"]): Record<string, number> =>
    Object.fromEntries(
      measured.filter((one) => one.kind === kind).map(({ id, value }) => [id, rounded(value)]),
    );
  return JSON.stringify(
    {
      figures: ofKind("figure"),
      floors: ofKind("floor"),
      ratios: ofKind("ratio"),
      targets: Object.fromEntries(
        measured.flatMap((one) =>
          one.target === undefined ? [] : [[one.id, { ...one.target, met: meets(one) }]],
        ),
      ),
      skipped: Object.fromEntries(
        lines.flatMap((line) => ("skipped" in line ? [[line.id, line.skipped]] : [])),
      ),
      machine: machine(),
      seconds: rounded(seconds),
    },
    undefined,
    2,
  );
}

/** Where it was measured: figures mean little without. */
export function machine() {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    loadAverage: rounded(loadavg()[0] ?? 0),
  };
}

function targetOf({ target }: Figure): string {
  if (target === undefined) return "";
  return "atLeast" in target ? `≥ ${textOf(target.atLeast)}` : `≤ ${textOf(target.atMost)}`;
}

function metOf(figure: Figure): string {
  const met = meets(figure);
  return met === undefined ? "" : met ? "yes" : "no";
}

function textOf(value: number): string {
  return rounded(value).toLocaleString("en");
}

/** Three digits that count, and all before the point. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
