import { visibleText } from "../format/visible-text.ts";
import type { EngagementReport } from "../run/engagement-report.ts";
import { assumptions } from "../verifier/report.ts";
import { inferredSection, observedSections, type ReportSection } from "./report-sections.ts";

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; border-bottom: 2px solid #1b1f24; margin-top: 2.5rem } h3 { font-size: 1rem; margin-top: 1.8rem }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #d8dee4; overflow-wrap: anywhere; min-width: 5rem }
td:first-child { white-space: nowrap } th { color: #57606a; font-weight: 600; overflow-wrap: normal } .none { color: #57606a } .note { background: #f6f8fa; padding: .8rem 1rem; border-left: 4px solid #57606a }
.inferred { border-left: 4px solid #9a6700; padding-left: 1rem } code { font-family: ui-monospace, monospace; font-size: .9em }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } h2 { border-color: #e6edf3 } .note { background: #161b22 } th, .none { color: #9198a1 } th, td { border-color: #30363d } }
@media print { body { margin: 0; max-width: none; font-size: 11px } .table { overflow: visible } tr { break-inside: avoid } }
`;

/**
 * The report as one self-contained page: no script, nothing loaded, every value escaped, observed and inferred apart.
 *
 * @param madeAt UTC.
 */
export function reportPage(report: EngagementReport, madeAt: string): string {
  const name = escapeHtml(report.engagement);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Engagement ${name}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Engagement ${name}</h1>
<p class="note">This is the host's own account, folded from its receipts at ${escapeHtml(madeAt)}. It is not verified. To check it without trusting
this host: <code>witnessops bundle export --engagement ${name} -o ${name}.tar</code>, then
<code>witnessops verify ${name}.tar --trust trust.json</code> with a trust file of your own.</p>
<h2>Observed</h2>
${observedSections(report).map(section).join("\n")}
<h2>Inferred</h2>
<div class="inferred">
${section(inferredSection(report))}
</div>
<h2>Assumptions</h2>
<dl>
${assumptions.map(({ id, text }) => `<dt><b>${escapeHtml(id)}</b></dt><dd>${escapeHtml(text)}</dd>`).join("\n")}
</dl>
</body>
</html>
`;
}

function section({ title, none, header, rows }: ReportSection): string {
  if (rows.length === 0) return `<h3>${escapeHtml(title)}</h3>\n<p class="none">${escapeHtml(none)}</p>`;
  const head = header.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((text) => `<td>${escapeHtml(text)}</td>`).join("")}</tr>`);
  return `<h3>${escapeHtml(title)}</h3>\n<div class="table"><table><thead><tr>${head}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
