import type { AdapterOutcome, Call } from "./adapter.ts";
import { writeArtifact } from "./write-artifact.ts";

/** Hands on what a call waited for: its bytes as an artifact, its content as the result. */
export async function takeGiven({ given, capture }: Call, source: string): Promise<AdapterOutcome> {
  if (given === undefined) {
    const message = "the call was made before what it waits for was there";
    return { ok: false, fault: { code: "NOT_GIVEN", phase: "prepare", message } };
  }
  const { name, bytes } = given.artifact;
  await writeArtifact(capture, name, bytes, { source, mediaType: "application/json" });
  return { ok: true, result: given.result };
}
