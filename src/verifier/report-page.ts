import { toBase64 } from "../format/base64.ts";
import { sha256 } from "../format/crypto.ts";
import { visibleText } from "../format/visible-text.ts";
import { reportStyle } from "./report-style.ts";
import type { View, ViewElement } from "./view.ts";

/**
 * A report as one self-contained page: no script, nothing loaded, every value escaped, to be read, printed and kept.
 *
 * @param title what was checked; shown in the window's title.
 */
export function reportPage(view: ViewElement, title: string): string {
  const style = toBase64(sha256(new TextEncoder().encode(reportStyle)));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(visibleText(`Verification of ${title}`))}</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
${htmlOf(view)}</main>
<p class="note">This page says what a verification found. It is no proof by itself: verify the bundle again, with a trust file of your own.</p>
</body>
</html>
`;
}

/** A view as HTML text. */
export function htmlOf(view: View): string {
  if (typeof view === "string") return escapeHtml(view);
  const { tag, attributes, children } = view;
  const attributeText = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeHtml(value)}"`);
  return `<${tag}${attributeText.join("")}>${children.map(htmlOf).join("")}</${tag}>${BLOCKS.has(tag) ? "\n" : ""}`;
}

const BLOCKS: ReadonlySet<string> = new Set([
  "section",
  "div",
  "header",
  "h1",
  "h2",
  "h3",
  "tr",
  "li",
  "dd",
  "table",
]);

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
