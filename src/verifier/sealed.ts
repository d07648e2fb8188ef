import { type Artifact, RESULT_ARTIFACT } from "../contract/artifact.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { type Sensitivity, sensitivities } from "../contract/vocabulary.ts";
import { CodedError } from "../format/coded-error.ts";
import { startSha256 } from "../format/crypto.ts";
import { sameJson } from "../format/json.ts";
import { artifactPath, type Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { boundBy, type Evidence } from "./evidence.ts";
import type { Findings } from "./layer.ts";
import type { Opener } from "./opener.ts";
import type { Receipt } from "./read-receipts.ts";
import type { SealedReport } from "./report.ts";

/** Length of the salt before a sealed plaintext (`spec/sealing.md`). */
const SALT_BYTES = 32;

/** What became of the sealed artifacts of a bundle. */
export interface SealedArtifacts {
  readonly listed: readonly SealedReport[];
  /** The bytes of a sealed artifact that was opened and kept its commitment; undefined otherwise. */
  open(artifact: Artifact): Promise<Uint8Array | undefined>;
}

/** A receipt's artifacts are sealed just where they are secret, to whom the engagement says, and classified by contract. */
export function checkSealing(bundle: Bundle, run: ClaimedRun, receipt: Receipt, findings: Findings): void {
  const { predicate, digest } = receipt;
  const at = { receipt: digest };
  const contract =
    predicate.contract === undefined
      ? undefined
      : bundle.contracts.get(referenceOf(predicate.contract))?.contract;
  for (const artifact of predicate.artifacts ?? []) {
    const { id, sensitivity, sealed } = artifact;
    if (sensitivity === undefined && predicate.event !== "artifact-imported")
      findings.fail("FAILURE_REQUIRED_FIELD_MISSING", `artifact \`${id}\` has no sensitivity`, at);
    if (sensitivity === "secret" && sealed === undefined)
      findings.fail("FAILURE_REQUIRED_FIELD_MISSING", `artifact \`${id}\` is secret and was not sealed`, at);
    if (sensitivity !== "secret" && sealed !== undefined)
      findings.fail("FAILURE_BUNDLE_MALFORMED", `artifact \`${id}\` was sealed and is not secret`, at);
    const due = predicate.invocation && contract && sensitivityBy(contract, artifact.name);
    if (due !== undefined && sensitivity !== undefined && due !== sensitivity)
      findings.fail("FAILURE_DIGEST_MISMATCH", `artifact \`${id}\` is \`${due}\` by its contract`, at);
    if (sealed === undefined) continue;
    if (
      run.engagement !== undefined &&
      !sameJson(sealed.recipients, run.engagement.evidence?.recipients ?? [])
    )
      findings.fail("FAILURE_DIGEST_MISMATCH", `artifact \`${id}\` was sealed to others than agreed`, at);
    const path = artifactPath(artifact.digest);
    const file = bundle.listed.get(path);
    if (file?.digest === artifact.digest && file.ageRecipients !== sealed.recipients.length) {
      const message = `artifact \`${id}\` is not an age file to ${sealed.recipients.length} X25519 recipients`;
      findings.fail("FAILURE_BUNDLE_MALFORMED", message, { ...at, path });
    }
  }
}

function sensitivityBy(contract: Contract, name: string): Sensitivity | undefined {
  const { artifacts } = contract.evidence;
  if (name !== RESULT_ARTIFACT) return artifacts.find((rule) => rule.name === name)?.sensitivity;
  const ranks = artifacts.map(({ sensitivity }) => sensitivities.indexOf(sensitivity));
  return sensitivities[Math.max(sensitivities.indexOf("internal"), ...ranks)];
}

/** Lists the sealed artifacts of the claimed runs and, with an opener, opens those that it can and checks commitments. */
export async function openSealed(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  evidence: Evidence,
  opener: Opener | undefined,
  maxBytes: number,
  findings: Findings,
): Promise<SealedArtifacts> {
  const listed: SealedReport[] = [];
  const opened = new Map<string, Uint8Array | undefined>();
  for (const run of runs) {
    for (const artifact of boundBy(run)) {
      const { id, digest, sealed } = artifact;
      if (sealed === undefined) continue;
      const found =
        opener === undefined || evidence.state(run.id, artifact)?.retired !== undefined
          ? undefined
          : await tryOpen(bundle, artifact, opener, maxBytes, findings);
      if (found !== undefined) opened.set(digest, found.bytes);
      listed.push({
        artifact: id,
        digest,
        commitment: sealed.commitment,
        recipients: sealed.recipients,
        opened: found !== undefined,
      });
    }
  }
  return {
    listed,
    open: async ({ digest }) => opened.get(digest),
  };
}

/** Undefined when it stays closed; `bytes` only of a result, which is decided again. */
async function tryOpen(
  bundle: Bundle,
  artifact: Artifact,
  opener: Opener,
  maxBytes: number,
  findings: Findings,
): Promise<{ bytes: Uint8Array | undefined } | undefined> {
  const path = artifactPath(artifact.digest);
  const ciphertext = bundle.readArtifact(artifact.digest);
  // What is no age file to X25519 recipients was found before, and is not given to the opener.
  if (ciphertext === undefined || bundle.listed.get(path)?.ageRecipients === undefined) return undefined;
  const keep = artifact.name === RESULT_ARTIFACT;
  try {
    const plaintext = await opener(ciphertext);
    if (plaintext === undefined) return undefined;
    const hash = startSha256();
    const kept: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of plaintext) {
      hash.update(chunk);
      size += chunk.length;
      if (keep && size <= maxBytes) kept.push(chunk);
    }
    if (size < SALT_BYTES) throw new TooShort();
    if (`sha256:${hash.hex()}` !== artifact.sealed?.commitment) {
      const message = `what artifact \`${artifact.id}\` holds is not what its commitment says`;
      findings.fail("FAILURE_HASH_MISMATCH", message, { path });
      return undefined;
    }
    return { bytes: keep && size <= maxBytes ? joined(kept).subarray(SALT_BYTES) : undefined };
  } catch (error) {
    const isDamaged = error instanceof CodedError && error.code === "SEALED_DAMAGED";
    if (!isDamaged && !(error instanceof TooShort)) throw error;
    const message = `artifact \`${artifact.id}\` does not open: it is damaged or too short`;
    findings.fail("FAILURE_BUNDLE_MALFORMED", message, { path });
    return undefined;
  }
}

class TooShort extends Error {}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
