import { stripVTControlCharacters, styleText } from "node:util";
import { visibleText } from "../format/visible-text.ts";

/** How a piece of text stands out on a terminal; elsewhere it is plain. */
export type Style = "plain" | "bold" | "dim" | "good" | "bad" | "warn";
/** A cell: text, or text with a style. */
export type Cell = string | { readonly text: string; readonly style: Style };

const FORMATS = { bold: "bold", dim: "dim", good: "green", bad: "red", warn: "yellow" } as const;

/** Prints for people: calm, aligned, coloured only on a terminal and without `NO_COLOR`. */
export class Printer {
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** One line; cells are joined as they are. */
  line(...cells: readonly Cell[]): void {
    this.#stream.write(`${cells.map((cell) => this.#render(cell)).join("")}\n`);
  }

  /** An empty line and a bold one. */
  heading(text: string): void {
    this.#stream.write(`\n${this.#render({ text, style: "bold" })}\n`);
  }

  /** Aligned columns under a dim header; the last column is not padded. */
  table(header: readonly string[], rows: readonly (readonly Cell[])[], indent = ""): void {
    const dim = header.map((text): Cell => ({ text, style: "dim" }));
    const lines = [...(header.length > 0 ? [dim] : []), ...rows];
    const widths: number[] = [];
    for (const row of lines) {
      row.forEach((cell, column) => {
        widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
      });
    }
    for (const row of lines) {
      const cells = row.map((cell, column) => {
        const padding = column === row.length - 1 ? 0 : (widths[column] ?? 0) - widthOf(cell);
        return this.#render(cell) + " ".repeat(padding);
      });
      this.#stream.write(`${indent}${cells.join("  ").trimEnd()}\n`);
    }
  }

  /** `name  value` lines; undefined values are left out. */
  pairs(pairs: readonly (readonly [string, Cell | undefined])[], indent = ""): void {
    const present = pairs.filter((pair): pair is readonly [string, Cell] => pair[1] !== undefined);
    this.table(
      [],
      present.map(([name, value]) => [{ text: name, style: "dim" }, value]),
      indent,
    );
  }

  /** Lines that begin with a dash. */
  list(items: readonly Cell[], indent = "  "): void {
    for (const item of items) this.line(`${indent}- `, item);
  }

  /** Text that is laid out already. */
  text(text: string): void {
    for (const line of text.trimEnd().split("\n")) this.line(line);
  }

  /** Exact bytes, for output that is data. */
  bytes(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  #render(cell: Cell): string {
    if (typeof cell === "string") return visibleText(cell);
    if (cell.style === "plain") return visibleText(cell.text);
    return styleText(FORMATS[cell.style], visibleText(cell.text), { stream: this.#stream });
  }
}

/**
 * A value as one line of JSON.
 *
 * @param forTerminal escapes what could move the cursor or hide words, which JSON itself leaves as it is.
 */
export function jsonLine(value: unknown, forTerminal: boolean): string {
  const text = JSON.stringify(value);
  return `${forTerminal ? visibleText(text, jsonEscape) : text}\n`;
}

function jsonEscape(character: string): string {
  const units = Array.from({ length: character.length }, (_, n) => character.charCodeAt(n));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function widthOf(cell: Cell): number {
  return stripVTControlCharacters(visibleText(typeof cell === "string" ? cell : cell.text)).length;
}
