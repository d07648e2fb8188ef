import type { PrincipalSet } from "../contract/principal.ts";
import type { ConclusionStatement, WithdrawalStatement } from "../contract/signed-statements.ts";
import { parseCanonicalJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { type ConclusionEnd, StandingConclusions } from "../gate/standing-conclusions.ts";
import { engagementStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { readEnvelope } from "./document-pin.ts";
import { PinnedDocuments } from "./pinned-documents.ts";
import { RunError } from "./run-error.ts";
import type { Store } from "./store.ts";

/** A conclusion of the ledger, and how it ended. */
export interface LedgerConclusion {
  readonly digest: Digest;
  readonly statement: ConclusionStatement;
  readonly at: string;
  /** Undefined while it stands. */
  readonly end: ConclusionEnd | undefined;
}

/**
 * Every conclusion in an engagement, from its receipts. What the ledger recorded was decided then; it is folded here,
 * not decided anew.
 */
export function readConclusions(
  store: Store,
  engagement: string,
): { readonly all: readonly LedgerConclusion[]; readonly standing: StandingConclusions } {
  const pinned = new PinnedDocuments(store);
  const standing = new StandingConclusions();
  const recorded: Omit<LedgerConclusion, "end">[] = [];
  for (const { event, payload } of store.receipts(engagementStream(engagement))) {
    if (event !== "conclusion-recorded" && event !== "conclusion-withdrawn") continue;
    const { detail, time } = readReceipt(payload).predicate;
    const at = time.claimedUtc;
    if (event === "conclusion-withdrawn") {
      const said = read<WithdrawalStatement>(store, detail?.withdrawal as Digest);
      const end = { state: "withdrawn", by: said.principal, at, reason: said.reason } as const;
      standing.end(said.conclusion as Digest, said.run, principalsOf(store, pinned, said.run), end);
      continue;
    }
    const digest = detail?.conclusion as Digest;
    const statement = read<ConclusionStatement>(store, digest);
    const { run, principal, supersedes } = statement;
    if (supersedes !== undefined) {
      const end = { state: "superseded", by: principal, at, conclusion: digest } as const;
      standing.end(supersedes as Digest, run, principalsOf(store, pinned, run), end);
    }
    standing.record({ digest, run, principal });
    recorded.push({ digest, statement, at });
  }
  return { all: recorded.map((one) => ({ ...one, end: standing.endOf(one.digest) })), standing };
}

/** The principals whom a run pinned. */
function principalsOf(store: Store, pinned: PinnedDocuments, run: string): PrincipalSet {
  const row = store.run(run);
  if (row === undefined) throw new RunError({ code: "RUN_UNKNOWN", message: `there is no run \`${run}\`` });
  return pinned.read("principals", pinned.read("run", row.document).principals);
}

function read<T>(store: Store, digest: Digest): T {
  return parseCanonicalJson(readEnvelope(store, digest).payload) as unknown as T;
}
