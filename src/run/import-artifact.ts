import type { Artifact } from "../contract/artifact.ts";
import type { Sensitivity } from "../contract/vocabulary.ts";
import { openCapture } from "../evidence/capture.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import { runStream } from "../ledger/streams.ts";
import { appendReceipt } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import type { Lane } from "./lane.ts";
import { runParts } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";

/** What is said of evidence that was collected outside the lane. */
export interface ImportedEvidence {
  readonly name: string;
  readonly mediaType: string;
  /** Without one it is quarantined until somebody classifies it. `secret` is sealed to the engagement's recipients. */
  readonly sensitivity?: Sensitivity | undefined;
  /** Where it came from, in the importer's words. */
  readonly source: string;
  readonly principal: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

const MAX_BYTES = 4 * 1024 ** 3;

/**
 * Adds evidence from outside the lane to a run's stream. Always operational input: nobody here saw how it was
 * collected (design section 7).
 *
 * @throws RunError `RUN_CLOSED`; EvidenceError `NO_RECIPIENTS`; StoreError.
 */
export async function importArtifact(lane: Lane, run: string, evidence: ImportedEvidence): Promise<Artifact> {
  const release = await lane.store.holdBytes();
  try {
    return await importHeld(lane, run, evidence);
  } finally {
    await release();
  }
}

async function importHeld(lane: Lane, run: string, evidence: ImportedEvidence): Promise<Artifact> {
  const state = lane.states.load(run);
  if (state.closed !== undefined) {
    throw new RunError({
      code: "RUN_CLOSED",
      message: `run \`${run}\` has ended`,
      hint: "import while it is open",
    });
  }
  const { name, mediaType, sensitivity } = evidence;
  const invocation = `${run}/import-${lane.randomHex(4)}`;
  const { evidence: terms } = lane.pinned.read("engagement", state.document.engagement.digest);
  const session = openCapture({
    rules: [{ name, mediaType, required: true, ...(sensitivity === undefined ? {} : { sensitivity }) }],
    recipients: terms?.recipients ?? [],
    maxBytes: MAX_BYTES,
    idPrefix: `${invocation}/1`,
    secrets: [],
    files: lane.files,
    clock: lane.clock,
  });
  const writer = session.open(name, { source: evidence.source });
  try {
    for await (const chunk of evidence.bytes) await writer.write(chunk);
    await writer.end();
  } catch (error) {
    await session.abort();
    throw error;
  }
  const captured = (await session.finish()).find((one) => one.artifact.name === name);
  if (captured === undefined) throw new TypeError("the capture lost its artifact");
  const { artifact, inline } = captured;
  const result = await appendReceipt(
    lane,
    runStream(run),
    {
      event: "artifact-imported",
      subject: [{ name: artifact.id, digest: { sha256: hexOf(artifact.digest as Digest) } }],
      predicate: {
        ...runParts(state.document, lane.origin, isLab(lane, state)),
        actor: { principal: evidence.principal, origin: lane.origin },
        artifacts: [artifact],
        exceptions: ["import"],
      },
    },
    {
      genesis: state.opened,
      change: {
        artifacts: [{ run, invocation, attempt: 1, artifact }],
        ...(inline === undefined ? {} : { blobs: [{ digest: artifact.digest as Digest, bytes: inline }] }),
      },
    },
  );
  if (!result.ok)
    throw new RunError({
      code: "RUN_CONTENDED",
      message: `the artifact was not imported: ${result.conflict}`,
    });
  return artifact;
}
