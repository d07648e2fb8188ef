import type { Artifact } from "../contract/artifact.ts";
import type { Sensitivity } from "../contract/vocabulary.ts";
import { type CapturedArtifact, openCapture } from "../evidence/capture.ts";
import type { Digest } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { discardBytes } from "./discard-bytes.ts";
import { runOfArtifact } from "./find-artifact.ts";
import type { Lane } from "./lane.ts";
import { admitRedaction, recordLifecycle } from "./record-evidence.ts";

/** A copy of an artifact with less in it. */
export interface Redaction {
  /** Id of the artifact that it was made from. */
  readonly source: string;
  readonly sensitivity: Exclude<Sensitivity, "secret">;
  /** The principal who looked at it and signs. */
  readonly by: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Name of every redacted copy: that of its source may be one of our own. */
const NAME = "redacted";
const MAX_BYTES = 4 * 1024 ** 3;

/**
 * Adds a redacted copy of an artifact, once a person has signed that they looked at just these bytes. Always operational
 * input: nobody can check what was left out and that nothing was put in. A copy that is refused leaves nothing behind.
 *
 * @param sign makes the person's statement about the copy.
 * @throws RunError as `recordLifecycle`; StoreError.
 */
export async function redactArtifact(
  lane: Lane,
  redaction: Redaction,
  sign: (derived: Artifact) => Promise<Envelope>,
): Promise<{ artifact: Artifact; receipt: Digest }> {
  const { run, artifact: source } = runOfArtifact(lane, redaction.source);
  await admitRedaction(lane, { artifact: source.id, principal: redaction.by });
  const release = await lane.store.holdBytes();
  let captured: CapturedArtifact | undefined;
  let recorded = false;
  try {
    captured = await capture(lane, run, source, redaction);
    const { inline } = captured;
    const artifact: Artifact = { ...captured.artifact, exact: false };
    const envelope = await sign(artifact);
    const receipt = await recordLifecycle(
      lane,
      envelope,
      { action: "redact", artifact: artifact.id },
      { derived: { artifact, ...(inline === undefined ? {} : { inline }) } },
    );
    recorded = true;
    return { artifact, receipt };
  } finally {
    await release();
    if (captured !== undefined && !recorded) await discardBytes(lane, captured);
  }
}

async function capture(
  lane: Lane,
  run: string,
  { id, mediaType }: Artifact,
  { sensitivity, by, bytes }: Redaction,
): Promise<CapturedArtifact> {
  const session = openCapture({
    rules: [{ name: NAME, mediaType, required: true, sensitivity }],
    maxBytes: MAX_BYTES,
    idPrefix: `${run}/redaction-${lane.randomHex(4)}/1`,
    secrets: [],
    files: lane.files,
    clock: lane.clock,
  });
  try {
    const writer = session.open(NAME, { source: `redacted by ${by}`, derivedFrom: id });
    for await (const chunk of bytes) await writer.write(chunk);
    await writer.end();
    const [captured] = await session.finish();
    if (captured === undefined) throw new TypeError("the capture lost its artifact");
    return captured;
  } catch (error) {
    await session.abort();
    throw error;
  }
}
