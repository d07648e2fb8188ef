import { canonicalBytes } from "../format/canonical-json.ts";
import type { Capture } from "./adapter.ts";

/** Captures bytes as one artifact when the contract asks for it. @throws CaptureRefused. */
export async function writeArtifact(
  capture: Capture,
  name: string,
  bytes: Uint8Array,
  options: { source: string; mediaType: string },
): Promise<void> {
  if (!capture.wants(name)) return;
  const writer = capture.open(name, options);
  await writer.write(bytes);
  await writer.end();
}

/** As `writeArtifact`, of a value as canonical JSON. */
export async function writeJsonArtifact(
  capture: Capture,
  name: string,
  value: unknown,
  source: string,
): Promise<void> {
  if (!capture.wants(name)) return;
  await writeArtifact(capture, name, canonicalBytes(value), { source, mediaType: "application/json" });
}
