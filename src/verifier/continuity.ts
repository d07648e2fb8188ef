import { CLAIM_PATH, RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { terminalEvents } from "../contract/receipt-predicate.ts";
import type { Anchor } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import { type ClaimedRun, findEvent } from "./claimed-runs.ts";
import { Findings, type LayerResult } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import { checkStreamTimes } from "./times.ts";

const terminal: ReadonlySet<string> = new Set(terminalEvents);

/** Layer 7: every stream is one unbroken chain, as long as the claim says, and every step of a run has its end. */
export function checkContinuity(bundle: Bundle, runs: readonly ClaimedRun[], anchor: Anchor): LayerResult {
  const findings = new Findings("continuity");
  if (!bundle.readable) findings.doubt("the container cannot be read");
  checkOrder(bundle, findings);
  for (const [stream, receipts] of bundle.streams) checkChain(bundle, stream, receipts, findings);
  checkStreamTimes(bundle, runs, findings);
  checkClaimedStreams(bundle, findings);
  checkRunEvents(bundle, findings);
  for (const id of bundle.claim?.predicate.runs ?? []) {
    if (!runs.some((run) => run.id === id)) {
      findings.fail("FAILURE_COMPLETENESS", `the claim names run \`${id}\`, and it is absent`, {
        path: CLAIM_PATH,
      });
    }
  }
  const open = runs.filter((run) => !checkEnd(run, findings));
  if (bundle.claim !== undefined && bundle.claim.predicate.partial !== open.length > 0) {
    const message =
      open.length > 0
        ? "the claim says whole, and a run is open"
        : "the claim says partial, and no run is open";
    findings.fail("FAILURE_COMPLETENESS", message, { path: CLAIM_PATH });
  }
  for (const { id } of open)
    findings.note(`run \`${id}\` is still open: what it did later is not in this bundle`);
  const pinned = checkPinnedHeads(bundle, runs, anchor, findings);
  return findings.end({
    internal: open.length > 0 ? "partial" : "ok",
    anchored: pinned ? "established" : "untested",
  });
}

/** Streams stand whole and one after the other: the workspace's, the engagements', the runs'. */
function checkOrder(bundle: Bundle, findings: Findings): void {
  const sequence = [...new Set(bundle.receipts.map(({ predicate }) => predicate.ledger.stream))];
  const rank = (stream: string): number =>
    ["workspace", "engagement", "run"].indexOf(stream.split(":", 1)[0] ?? "");
  const inOrder = sequence.every((stream, i) => i === 0 || rank(sequence[i - 1] ?? "") <= rank(stream));
  const changes = bundle.receipts.filter(
    ({ predicate }, i) => predicate.ledger.stream !== bundle.receipts[i - 1]?.predicate.ledger.stream,
  ).length;
  if (!inOrder || changes !== sequence.length) {
    findings.fail("FAILURE_CONTINUITY_BROKEN", "the receipts are not in order of their streams", {
      path: RECEIPTS_PATH,
    });
  }
}

function checkChain(bundle: Bundle, stream: string, receipts: readonly Receipt[], findings: Findings): void {
  const run = stream.startsWith("run:") ? stream.slice("run:".length) : undefined;
  // A run's first receipt continues from the one that opened it.
  let previous = run === undefined ? null : (findEvent(bundle, "run-opened", run)?.digest ?? null);
  if (run !== undefined && previous === null) {
    findings.fail("FAILURE_CONTINUITY_BROKEN", `\`${stream}\` continues from no \`run-opened\` receipt`);
  }
  for (const [index, { predicate, digest }] of receipts.entries()) {
    const { seq, prevHash } = predicate.ledger;
    if (seq !== index) {
      findings.fail("FAILURE_CONTINUITY_BROKEN", `\`${stream}\` has ${seq} where ${index} is due`, {
        receipt: digest,
      });
    } else if (prevHash !== previous) {
      findings.fail("FAILURE_CONTINUITY_BROKEN", `\`${stream}\` is not chained at ${seq}`, {
        receipt: digest,
      });
    }
    previous = digest;
  }
}

/** A run opens once and closes at most once. */
function checkRunEvents(bundle: Bundle, findings: Findings): void {
  for (const receipt of bundle.receipts) {
    const { event, detail } = receipt.predicate;
    if (event !== "run-opened" && event !== "run-closed") continue;
    const first = findEvent(bundle, event, String(detail?.run));
    if (first !== receipt) {
      findings.fail("FAILURE_COMPLETENESS", `\`${event}\` stands twice for one run`, {
        receipt: receipt.digest,
      });
    }
  }
}

function checkClaimedStreams(bundle: Bundle, findings: Findings): void {
  const { claim, streams } = bundle;
  if (claim === undefined) return;
  const at = { path: CLAIM_PATH };
  for (const [stream, head] of Object.entries(claim.predicate.streams)) {
    const last = streams.get(stream)?.at(-1);
    const count = streams.get(stream)?.length ?? 0;
    if (last === undefined || count !== head.count) {
      findings.fail(
        "FAILURE_COMPLETENESS",
        `the claim says ${head.count} receipts in \`${stream}\`, there are ${count}`,
        at,
      );
    } else if (last.digest !== head.digest || last.predicate.ledger.seq !== head.seq) {
      findings.fail("FAILURE_CONTINUITY_BROKEN", `\`${stream}\` does not end where the claim says`, at);
    }
  }
  for (const stream of streams.keys()) {
    const run = stream.startsWith("run:") ? stream.slice("run:".length) : undefined;
    if (run !== undefined && !claim.predicate.runs.includes(run)) {
      findings.fail("FAILURE_COMPLETENESS", `\`${stream}\` is of a run that the claim does not name`, at);
    }
    if (!Object.hasOwn(claim.predicate.streams, stream)) {
      findings.fail("FAILURE_COMPLETENESS", `the claim does not name the stream \`${stream}\``, at);
    }
  }
}

/** Checks how a run ends; false when it is still open. */
function checkEnd(run: ClaimedRun, findings: Findings): boolean {
  const { closed, receipts, id } = run;
  const ends = terminalReceipts(receipts);
  for (const [invocation, found] of ends) {
    if (found.length > 1) {
      const at = { receipt: found[1]?.digest ?? run.opened.digest };
      findings.fail("FAILURE_COMPLETENESS", `\`${invocation}\` ends ${found.length} times`, at);
    }
  }
  const expected = expectedInvocations(run);
  for (const [invocation, found] of ends) {
    if (expected.has(invocation)) continue;
    const at = { receipt: found[0]?.digest ?? run.opened.digest };
    findings.fail("FAILURE_COMPLETENESS", `\`${invocation}\` ends, and no step or expansion has it`, at);
  }
  if (closed === undefined) return false;
  const at = { receipt: closed.digest };
  const { head, count } = (closed.predicate.detail ?? {}) as {
    head?: { seq?: unknown; digest?: unknown };
    count?: unknown;
  };
  const last = receipts.at(-1);
  if (
    count !== receipts.length ||
    head?.digest !== last?.digest ||
    head?.seq !== last?.predicate.ledger.seq
  ) {
    findings.fail(
      "FAILURE_COMPLETENESS",
      `run \`${id}\` was closed with another head or count than its stream has`,
      at,
    );
  }
  for (const invocation of expected) {
    if (!ends.has(invocation)) findings.fail("FAILURE_COMPLETENESS", `\`${invocation}\` has no end`, at);
  }
  return true;
}

function terminalReceipts(receipts: readonly Receipt[]): Map<string, Receipt[]> {
  // How a read-back ended is no end of its step.
  const ends = receipts.filter(
    ({ predicate }) => terminal.has(predicate.event) && predicate.step?.readBack === undefined,
  );
  return Map.groupBy(ends, ({ predicate }) => nameOf(predicate.step?.id ?? "", predicate.step?.key));
}

/** A static step is one invocation; one that was expanded is one for each key. */
function expectedInvocations(run: ClaimedRun): Set<string> {
  const keys = new Map<string, unknown>();
  for (const { predicate } of run.receipts) {
    const { event, step, detail } = predicate;
    if (event === "step-expanded" && step !== undefined && !keys.has(step.id))
      keys.set(step.id, detail?.keys);
  }
  return new Set(
    run.document.steps.flatMap((step) => {
      const expanded = keys.get(step);
      return Array.isArray(expanded)
        ? expanded.map((key) => nameOf(step, String(key)))
        : [nameOf(step, undefined)];
    }),
  );
}

function nameOf(step: string, key: string | undefined): string {
  return key === undefined ? step : `${step}[${key}]`;
}

/** Whether a stream of the bundle was compared with a head that the reviewer has seen. */
function checkPinnedHeads(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  findings: Findings,
): boolean {
  let compared = false;
  // These streams belong to the bundle; that one of them has no receipts left does not make it another's.
  const due = new Set(
    runs.flatMap(({ id, document }) => [`run:${id}`, `engagement:${document.engagement.id}`]),
  );
  due.add("workspace");
  for (const [stream, pin] of Object.entries(anchor.streams)) {
    const receipts = bundle.streams.get(stream) ?? [];
    if (receipts.length === 0 && !due.has(stream)) continue;
    compared = true;
    const found = receipts[pin.seq];
    if (found === undefined) {
      findings.contradict(
        "FAILURE_CONTINUITY_BROKEN",
        `\`${stream}\` ends before the head that the trust file pins`,
      );
    } else if (found.digest !== pin.digest) {
      findings.contradict(
        "FAILURE_CONTINUITY_BROKEN",
        `\`${stream}\` is not the one that the trust file pins`,
        { receipt: found.digest },
      );
    }
  }
  return compared;
}
