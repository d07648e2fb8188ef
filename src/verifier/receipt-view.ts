import { type ReportContext, verdictView } from "./report-view.ts";
import type { ReceiptReport } from "./verify-receipt.ts";
import { element, type ViewElement } from "./view.ts";
import { code, list, part, table, type ViewLimits } from "./view-parts.ts";

/** The report of one receipt as a view. */
export function receiptView(
  report: ReceiptReport,
  context: ReportContext,
  limits: ViewLimits = { maxRows: Number.POSITIVE_INFINITY },
): ViewElement {
  const { digest, event, stream, seq, claimedUtc, keyId } = report;
  const facts = [
    ["receipt", digest],
    ["event", event],
    ["stream", stream === undefined ? undefined : `${stream}, ${seq}`],
    ["time", claimedUtc === undefined ? undefined : `${claimedUtc} (host's claim)`],
    ["signed by", keyId],
  ].flatMap(([name = "", value]) =>
    value === undefined ? [] : [element("dt", {}, name), element("dd", {}, value)],
  );
  return element(
    "div",
    { class: "report" },
    verdictView(report.verdict, report.reasons, context, report.schema, limits),
    ...part("receipt", "Receipt", facts.length === 0 ? [] : [element("dl", { class: "facts" }, ...facts)]),
    ...part(
      "failures",
      "Failures",
      table(
        "failures-title",
        ["code", "what"],
        report.failures.map((one) => [code(one.code), one.message]),
        limits,
      ),
    ),
    ...part(
      "about",
      "About",
      table(
        "about-title",
        ["subject", "sha256"],
        report.subjects.map((one) => [one.name, code(one.sha256)]),
        limits,
      ),
    ),
    ...part("not-shown", "What a receipt alone does not show", list(report.notShown, limits)),
  );
}
