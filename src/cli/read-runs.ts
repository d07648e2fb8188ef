import { PinnedDocuments } from "../run/pinned-documents.ts";
import { RunStates } from "../run/run-states.ts";
import type { Store } from "../run/store.ts";
import { type RunView, viewRun } from "../run/view-run.ts";
import type { Context } from "./command.ts";
import { withLedger } from "./open-ledger.ts";

/** Reads runs without taking part in them: no key, no lease, nothing written. */
export interface RunReader {
  readonly store: Store;
  readonly pinned: PinnedDocuments;
  readonly states: RunStates;
  /** A run as people see it. @throws RunError `RUN_UNKNOWN`. */
  view(run: string): RunView;
}

/** Opens the workspace's runs for reading, uses them and closes the ledger. */
export function withRuns<T>(
  context: Context,
  use: (reader: RunReader, root: string) => Promise<T> | T,
): Promise<T> {
  return withLedger(context, (store, root) => {
    const pinned = new PinnedDocuments(store);
    const states = new RunStates(store, pinned);
    return use({ store, pinned, states, view: (run) => viewRun({ store, states }, run) }, root);
  });
}
