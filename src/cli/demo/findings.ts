import type { RunView } from "../../run/view-run.ts";
import type { Report } from "../../verifier/report.ts";

/** What the demo found; `--json` prints the first part of it. */
export interface DemoFindings {
  readonly exposure: RunView;
  readonly triage: RunView;
  readonly outOfScope: RunView;
  readonly bundle: string;
  readonly trust: string;
  readonly trusted: Report;
  readonly untrusted: Report;
  readonly tampered: Report;
  readonly triageReport: Report;
  readonly tamperedPath: string;
}
