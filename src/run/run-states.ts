import { GATE_RECORD } from "../contract/artifact.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import type { RunbookStep } from "../contract/runbook.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import type { Subject } from "../format/statement.ts";
import { runStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { failureMode } from "./failure-mode.ts";
import { type AppliedReceipt, applyDispatch, applyReceipt, emptyRun } from "./fold-run.ts";
import type { PinnedDocuments } from "./pinned-documents.ts";
import { RunError } from "./run-error.ts";
import type { RunState } from "./run-state.ts";
import type { Store, StoredReceipt } from "./store.ts";

const MAX_CACHED = 4096;

/**
 * Folded runs. A fold is kept while its stream's head is unchanged and brought forward by what came since:
 * folding a thousand steps anew for each of them would cost more than the steps.
 */
export class RunStates {
  readonly #store: Store;
  readonly #pinned: PinnedDocuments;
  readonly #states = new Map<string, RunState>();

  constructor(store: Store, pinned: PinnedDocuments) {
    this.#store = store;
    this.#pinned = pinned;
  }

  /** The run as it stands now. @throws RunError `RUN_UNKNOWN`. */
  load(run: string): RunState {
    const row = this.#store.run(run);
    if (row === undefined) {
      throw new RunError({ code: "RUN_UNKNOWN", message: `no run \`${run}\``, hint: "witnessops run list" });
    }
    let state = this.#states.get(run);
    if (state === undefined) {
      const document = this.#pinned.read("run", row.document);
      const runbook = this.#pinned.read("runbook", document.runbook.digest);
      const onFailure = (step: RunbookStep): FailureMode => failureMode(this.#pinned, document, step);
      state = emptyRun({ document, documentDigest: row.document, runbook, opened: row.opened, onFailure });
      if (this.#states.size >= MAX_CACHED) this.#states.clear();
      this.#states.set(run, state);
      this.#bringForward(state);
      for (const dispatch of this.#store.dispatches(run)) applyDispatch(state, dispatch);
    } else {
      this.#bringForward(state);
    }
    state.closed = row.closed;
    return state;
  }

  /**
   * Brings a kept fold forward by a receipt that this process has just committed, which spares reading back
   * and parsing what is in hand. Only the receipt right after the fold's head is applied; whatever else
   * happened is read from the store at the next `load`, which compares heads.
   */
  follow(receipt: AppliedReceipt): void {
    const { predicate } = receipt;
    const state = predicate.run === undefined ? undefined : this.#states.get(predicate.run);
    if (state === undefined || predicate.ledger.stream !== runStream(state.document.run)) return;
    const { seq, prevHash } = predicate.ledger;
    const isNext = seq === state.receipts && prevHash === (state.head?.digest ?? state.opened);
    if (isNext) applyReceipt(state, receipt, (digest) => this.readGateRecord(digest));
  }

  /** Time of a run stream's head, when the fold that is kept stands there. */
  timeAt(stream: string, head: Digest): string | undefined {
    const state = stream.startsWith("run:") ? this.#states.get(stream.slice("run:".length)) : undefined;
    return state?.head?.digest === head ? state.lastTime : undefined;
  }

  /** Forgets a fold, because another process may have dispatched without a receipt. */
  drop(run: string): void {
    this.#states.delete(run);
  }

  #bringForward(state: RunState): void {
    const stream = runStream(state.document.run);
    const head = this.#store.head(stream);
    if (head?.digest === state.head?.digest) return;
    for (const receipt of this.#store.receipts(stream, state.receipts)) {
      applyReceipt(state, readStored(receipt), (digest) => this.readGateRecord(digest));
    }
  }

  /** A gate record by digest. @throws RunError `PINNED_MISSING`. */
  readGateRecord(digest: Digest): GateRecord {
    const bytes = this.#store.document(digest);
    if (bytes === undefined) {
      throw new RunError({
        code: "PINNED_MISSING",
        message: `the ledger lacks the gate record \`${digest}\``,
      });
    }
    return parseJson(bytes) as unknown as GateRecord;
  }
}

function readStored(receipt: StoredReceipt): AppliedReceipt {
  const { predicate, subject } = readReceipt(receipt.payload);
  return { predicate, digest: receipt.digest, gateRecord: gateRecordOf(subject) };
}

/** Digest of the gate record among a receipt's subjects. */
export function gateRecordOf(subject: readonly Subject[]): Digest | undefined {
  const record = subject.find(({ name }) => name.endsWith(`/${GATE_RECORD}`));
  return record === undefined ? undefined : `sha256:${record.digest.sha256}`;
}
