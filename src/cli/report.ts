import { utcFromMillis } from "../format/time.ts";
import { reportEngagement } from "../run/engagement-report.ts";
import { assumptions } from "../verifier/report.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import type { Printer } from "./output.ts";
import { withRuns } from "./read-runs.ts";
import { reportPage } from "./report-page.ts";
import { inferredSection, observedSections, type ReportSection } from "./report-sections.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    engagement: argument("id of the engagement"),
    html: option("--html <file>", "write one self-contained page"),
  },
  example: "report acme --html acme.html",
  async run({ engagement, html }, context) {
    const report = await withRuns(context, ({ store }) =>
      reportEngagement(store, engagement, utcFromMillis(Date.now())),
    );
    if (html !== undefined) writeNewFile(html, reportPage(report, utcFromMillis(Date.now())));
    return {
      exit: exit.done,
      json: { ...report, assumptions, ...(html === undefined ? {} : { html }) },
      print(out) {
        out.line("the host's own account, folded from its receipts; not verified. To check it:");
        out.line(`  witnessops bundle export --engagement ${engagement} -o ${engagement}.tar`);
        out.heading("OBSERVED");
        for (const section of observedSections(report)) printSection(out, section);
        out.heading("INFERRED");
        printSection(out, inferredSection(report));
        out.heading("assumptions");
        out.pairs(assumptions.map(({ id, text }) => [id, text] as const));
        if (html !== undefined) out.line(`written to ${html}`);
      },
    };
  },
});

function printSection(out: Printer, { title, none, header, rows }: ReportSection): void {
  out.heading(title);
  if (rows.length === 0) out.line(none);
  else out.table(header, rows);
}
