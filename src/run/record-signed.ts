import type { ReceiptEvent } from "../contract/receipt-predicate.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import type { Entry } from "./append-receipt.ts";
import { appendDecided, type Basis, isLab } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { runParts, stepParts } from "./receipt-entry.ts";
import type { InvocationState, RunState } from "./run-state.ts";

/**
 * Records what a person signed about an invocation, with a receipt whose subject is the signed statement.
 *
 * @returns false when the run has moved meanwhile: fold again and look whether it still fits.
 */
export async function recordSigned(
  lane: Lane,
  state: RunState,
  basis: Basis,
  invocation: Pick<InvocationState, "step"> & Partial<InvocationState>,
  envelope: Envelope,
  said: {
    readonly event: ReceiptEvent;
    /** Name of the subject, and of the detail's member that holds its digest. */
    readonly name: "approval" | "resolution" | "answer" | "breakGlass";
    readonly principal: string;
    readonly detail: Readonly<Record<string, unknown>>;
    readonly parts?: Partial<Entry["predicate"]>;
    /** What it names beside itself. */
    readonly documents?: readonly { digest: Digest; bytes: Uint8Array }[];
  },
): Promise<boolean> {
  const step = state.steps.find((candidate) => candidate.definition.id === invocation.step);
  if (step === undefined) return false;
  const pinned: { digest: Digest; bytes: Uint8Array } = pinEnvelope(envelope);
  const entry: Entry = {
    event: said.event,
    subject: [
      {
        name: said.name === "breakGlass" ? "break-glass" : said.name,
        digest: { sha256: hexOf(pinned.digest) },
      },
    ],
    predicate: {
      ...runParts(state.document, lane.origin, isLab(lane, state)),
      ...stepParts(step, invocation),
      actor: { principal: said.principal, origin: lane.origin },
      ...said.parts,
      detail: { [said.name]: pinned.digest, ...said.detail },
    },
  };
  return (
    (await appendDecided(lane, state, basis, entry, {
      documents: [pinned, ...(said.documents ?? [])],
    })) === "moved"
  );
}
