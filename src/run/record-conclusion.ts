import type { ConclusionStatement } from "../contract/signed-statements.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkConclusion } from "../gate/conclusion-statement.ts";
import { engagementStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { appendReceipt } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { readConclusions } from "./read-conclusions.ts";
import { runParts } from "./receipt-entry.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { untilRecorded } from "./until-recorded.ts";

/**
 * Records a signed conclusion about a run (design section 9). It is inferred and says so; `high` is refused
 * unless a human signed it and no cited result is operational input.
 *
 * @throws RunError `STATEMENT_REFUSED` with every problem, `RUN_CONTENDED`.
 */
export function recordConclusion(lane: Lane, run: string, envelope: Envelope): Promise<RecordedStatement> {
  return untilRecorded(lane, run, () => tryConclusion(lane, run, envelope));
}

/** A conclusion as it was recorded, with its envelope's digest: how others name it. */
export interface RecordedStatement {
  readonly digest: Digest;
  readonly statement: ConclusionStatement;
}

async function tryConclusion(
  lane: Lane,
  run: string,
  envelope: Envelope,
): Promise<RecordedStatement | undefined> {
  const state = lane.states.load(run);
  const principals = lane.pinned.read("principals", state.document.principals);
  // What it supersedes must still stand when it is recorded.
  const stream = engagementStream(state.document.engagement.id);
  const head = lane.store.head(stream);
  const now = utcFromMillis(lane.clock());
  const checked = refuseRevoked(lane.store, await checkConclusion(envelope, principals, now));
  if (!checked.ok) throw refused([`the conclusion is refused: ${checked.reason}`]);
  const { statement } = checked;
  const problems = statement.run === run ? [] : ["the conclusion is about another run"];
  problems.push(...citationProblems(lane, run, statement));
  const pinned = pinEnvelope(envelope);
  const { supersedes, principal: by } = statement;
  if (supersedes !== undefined) {
    const { standing } = readConclusions(lane.store, state.document.engagement.id);
    const end = { state: "superseded", by, at: now, conclusion: pinned.digest } as const;
    const refusal = standing.end(supersedes as Digest, run, principals, end);
    if (refusal !== undefined) problems.push(`it may not supersede \`${supersedes}\`: ${refusal}`);
  }
  if (problems.length > 0) throw refused(problems);
  const result = await appendReceipt(
    lane,
    stream,
    {
      event: "conclusion-recorded",
      subject: [{ name: "conclusion", digest: { sha256: hexOf(pinned.digest) } }],
      predicate: {
        ...runParts(state.document, lane.origin, isLab(lane, state)),
        actor: { principal: statement.principal, origin: lane.origin },
        detail: { conclusion: pinned.digest },
      },
    },
    { change: { documents: [pinned] }, onHead: head ?? "empty" },
  );
  return result.ok ? { digest: pinned.digest, statement } : undefined;
}

/** Every citation names a receipt of this run and, where it names an artifact, one that receipt binds. */
function citationProblems(lane: Lane, run: string, statement: ConclusionStatement): string[] {
  const problems: string[] = [];
  for (const cite of statement.cites) {
    const stored = lane.store.receipt(cite.receipt as Digest);
    const predicate = stored === undefined ? undefined : readReceipt(stored.payload).predicate;
    if (predicate === undefined || predicate.run !== run) {
      problems.push(`\`${cite.receipt}\` is not a receipt of run \`${run}\``);
      continue;
    }
    if (
      cite.artifact !== undefined &&
      !predicate.artifacts?.some((artifact) => artifact.digest === cite.artifact)
    ) {
      problems.push(`\`${cite.artifact}\` is not an artifact of receipt \`${cite.receipt}\``);
    }
    const { resolution, readBack } = predicate.detail ?? {};
    const resolved = resolution !== undefined || readBack !== undefined;
    const operational = predicate.exceptions.length > 0 || predicate.event !== "step-executed" || resolved;
    if (statement.confidence === "high" && operational) {
      problems.push(
        `confidence \`high\` may not cite \`${cite.receipt}\`: it is operational input or not an executed step`,
      );
    }
  }
  return problems;
}

function refused(problems: readonly string[]): RunError {
  return new RunError({
    code: "STATEMENT_REFUSED",
    message: problems.join("\n"),
    hint: "cite receipts that `witnessops receipt list` shows",
  });
}
