import { element, type View, type ViewElement } from "./view.ts";

/** Rows of a table or list that a view shows at most; the rest is counted. */
export interface ViewLimits {
  readonly maxRows: number;
}

/** A titled part of the page; nothing when it has no content. */
export function part(id: string, title: string, content: readonly View[]): ViewElement[] {
  if (content.length === 0) return [];
  return [
    element(
      "section",
      { id, "aria-labelledby": `${id}-title` },
      element("h2", { id: `${id}-title` }, title),
      ...content,
    ),
  ];
}

/** A table that scrolls by itself, by keyboard too; nothing without rows. */
export function table(
  labelledBy: string,
  head: readonly string[],
  rows: readonly (readonly View[])[],
  { maxRows }: ViewLimits,
): ViewElement[] {
  if (rows.length === 0) return [];
  const body = rows
    .slice(0, maxRows)
    .map((row) =>
      element(
        "tr",
        {},
        ...row.map((cell, column) =>
          column === 0 ? element("th", { scope: "row" }, cell) : element("td", {}, cell),
        ),
      ),
    );
  const header = element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)));
  return [
    element(
      "div",
      { class: "scroll", role: "region", tabindex: "0", "aria-labelledby": labelledBy },
      element("table", {}, element("thead", {}, header), element("tbody", {}, ...body)),
    ),
    ...more(rows.length, maxRows),
  ];
}

/** A list; nothing without items. */
export function list(items: readonly View[], { maxRows }: ViewLimits): ViewElement[] {
  if (items.length === 0) return [];
  return [
    element("ul", {}, ...items.slice(0, maxRows).map((item) => element("li", {}, item))),
    ...more(items.length, maxRows),
  ];
}

/** Several texts in one cell, one below the other. */
export function lines(texts: readonly View[]): View {
  const [only] = texts;
  if (texts.length <= 1) return only ?? "";
  return element("div", {}, ...texts.map((text) => element("p", { class: "line" }, text)));
}

/** A word that has a colour of its own; the word says it, the colour only repeats it. */
export function mark(word: string): ViewElement {
  return element("strong", { class: `mark ${MARKS[word] ?? "plain"}` }, word);
}

export function code(text: string): ViewElement {
  return element("code", {}, text);
}

const MARKS: Readonly<Record<string, string>> = {
  valid: "good",
  ok: "good",
  established: "good",
  "strong-proof": "good",
  invalid: "bad",
  failed: "bad",
  indeterminate: "open",
  untested: "open",
  partial: "open",
  "in-doubt": "open",
};

function more(total: number, shown: number): ViewElement[] {
  if (total <= shown) return [];
  return [element("p", { class: "note" }, `and ${total - shown} more: the report file has all of them`)];
}
