import type { Artifact } from "../contract/artifact.ts";
import type { Sensitivity } from "../contract/vocabulary.ts";
import { type CapturedArtifact, openCapture } from "../evidence/capture.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Entry } from "./append-receipt.ts";
import { appendDecided, basisOf, isLab } from "./append-to-run.ts";
import { discardBytes } from "./discard-bytes.ts";
import type { Lane } from "./lane.ts";
import { runParts } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";
import type { RunState } from "./run-state.ts";
import { untilRecorded } from "./until-recorded.ts";

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
  let captured: CapturedArtifact | undefined;
  let artifact: Artifact | undefined;
  try {
    captured = await capture(lane, run, evidence);
    artifact = await record(lane, run, evidence.principal, captured);
    return artifact;
  } finally {
    await release();
    if (captured !== undefined && artifact === undefined) await discardBytes(lane, captured);
  }
}

async function capture(lane: Lane, run: string, evidence: ImportedEvidence): Promise<CapturedArtifact> {
  const state = openState(lane, run);
  const { name, mediaType, sensitivity } = evidence;
  const { evidence: terms } = lane.pinned.read("engagement", state.document.engagement.digest);
  const session = openCapture({
    rules: [{ name, mediaType, required: true, ...(sensitivity === undefined ? {} : { sensitivity }) }],
    recipients: terms?.recipients ?? [],
    maxBytes: MAX_BYTES,
    idPrefix: `${run}/import-${lane.randomHex(4)}/1`,
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
  return captured;
}

/** Decides on the head of the run's stream: nothing follows the receipt that closed it. */
async function record(
  lane: Lane,
  run: string,
  principal: string,
  { artifact, inline }: CapturedArtifact,
): Promise<Artifact> {
  const invocation = artifact.id.split("/").slice(0, 2).join("/");
  return untilRecorded(lane, run, async () => {
    const state = openState(lane, run);
    const entry: Entry = {
      event: "artifact-imported",
      subject: [{ name: artifact.id, digest: { sha256: hexOf(artifact.digest as Digest) } }],
      predicate: {
        ...runParts(state.document, lane.origin, isLab(lane, state)),
        actor: { principal, origin: lane.origin },
        artifacts: [artifact],
        exceptions: ["import"],
      },
    };
    const done = await appendDecided(lane, state, basisOf(state), entry, {
      artifacts: [{ run, invocation, attempt: 1, artifact }],
      ...(inline === undefined ? {} : { blobs: [{ digest: artifact.digest as Digest, bytes: inline }] }),
    });
    return done === "moved" ? artifact : undefined;
  });
}

function openState(lane: Lane, run: string): RunState {
  const state = lane.states.load(run);
  if (state.closed === undefined) return state;
  throw new RunError({
    code: "RUN_CLOSED",
    message: `run \`${run}\` has ended`,
    hint: "import while it is open",
  });
}
