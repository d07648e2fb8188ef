import type { RunDocument } from "../contract/run-document.ts";
import type { RunbookStep } from "../contract/runbook.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import type { PinnedDocuments } from "./pinned-documents.ts";

/** What a failure of a run's step means: the step's own `onFailure`, else that of the contract it pinned. */
export function failureMode(
  pinned: Pick<PinnedDocuments, "read">,
  document: RunDocument,
  { onFailure, uses }: RunbookStep,
): FailureMode {
  if (onFailure !== undefined) return onFailure;
  const pin = document.contracts.find((one) => `${one.id}@${one.version}` === uses);
  return pin === undefined ? "stop" : pinned.read("contract", pin.digest).failure.onFailure;
}
