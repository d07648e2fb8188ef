import type { Trust } from "../contract/trust.ts";
import type { Digest } from "../format/digest.ts";
import { envelopeToJson } from "../format/dsse.ts";
import { anchorOf, isValidAt } from "./anchor.ts";
import type { Fault } from "./check-document.ts";
import type { Failure } from "./layer.ts";
import { defaultLimits } from "./limits.ts";
import { checkTrust } from "./parse-trust.ts";
import { readCertificate } from "./read-certificate.ts";
import { readReceipt } from "./read-receipts.ts";
import type { TimeReport, Verdict } from "./report.ts";
import { checkReceiptTokens } from "./timestamps.ts";
import { VerifierError } from "./verifier-error.ts";
import { verifyEnvelope } from "./verify-envelope.ts";

/** What one receipt alone can show. */
export interface ReceiptReport {
  readonly schema: "witnessops/receipt-verification/v1";
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly failures: readonly Pick<Failure, "code" | "message">[];
  readonly digest?: Digest;
  readonly event?: string;
  readonly stream?: string;
  readonly seq?: number;
  readonly claimedUtc?: string;
  /** When it was, by the tokens that it has; absent when it could not be read. */
  readonly time?: TimeReport;
  readonly keyId?: string;
  readonly subjects: readonly { readonly name: string; readonly sha256: string }[];
  /** What a receipt alone does not show. */
  readonly notShown: readonly string[];
}

const notShown = [
  "that nothing was left out: the stream it is chained to is not here",
  "that the gates decided rightly: the definitions are not here",
  "that the artifacts exist: their bytes are not here",
];

/**
 * Checks one receipt file: a Sigstore bundle v0.3. Alone it is at most a well-formed, rightly signed statement.
 *
 * @param certificates key certificates as DSSE JSON, which connect the issuer key to a root of the trust file.
 * @throws VerifierError `FAILURE_INPUT_MALFORMED` when the file is too large or the trust is malformed.
 */
export async function verifyReceipt(
  bytes: Uint8Array,
  trust: Trust | undefined,
  certificates: readonly Uint8Array[] = [],
): Promise<ReceiptReport> {
  const anchor = anchorOf(trust === undefined ? undefined : checkTrust(trust));
  if (bytes.length > defaultLimits.maxLineBytes) {
    throw new VerifierError({ code: "FAILURE_INPUT_MALFORMED", message: "the receipt file is too large" });
  }
  const end = bytes.at(-1) === 10 ? bytes.length - 1 : bytes.length;
  const read = readReceipt(bytes.subarray(0, end));
  const base = { schema: "witnessops/receipt-verification/v1" as const, notShown };
  if ("faults" in read) {
    return {
      ...base,
      verdict: "invalid",
      reasons: read.faults.map(reasonOf),
      failures: read.faults,
      subjects: [],
    };
  }
  const { predicate, envelope, digest, subject } = read.value;
  const { failures, time } = await checkReceiptTokens(read.value, anchor);
  const shown = {
    ...base,
    digest,
    event: predicate.event,
    stream: predicate.ledger.stream,
    seq: predicate.ledger.seq,
    claimedUtc: predicate.time.claimedUtc,
    time,
    keyId: envelopeToJson(envelope).signatures[0].keyid,
    subjects: subject.map(({ name, digest: { sha256 } }) => ({ name, sha256 })),
  };
  if (failures.length > 0) return { ...shown, verdict: "invalid", reasons: failures.map(reasonOf), failures };
  let known = false;
  for (const bytesOfOne of certificates) {
    const signer = readCertificate(bytesOfOne);
    if (signer === undefined) continue;
    const root = await findRoot(signer.envelope, anchor);
    const hinted = signer.key.keyId === envelope.signature.keyId;
    known ||= hinted && root !== undefined;
    if (root === undefined || !(await verifyEnvelope(signer.key, envelope))) continue;
    if (
      !isValidAt(signer.certificate, predicate.time.claimedUtc) ||
      !isValidAt(root, signer.certificate.issuedAt)
    ) {
      return refused(shown, "the issuer key was not valid at the time claimed");
    }
    const lost = [signer.key.keyId, root.key.keyId].find((keyId) =>
      anchor.compromised.some((one) => one.keyId === keyId),
    );
    if (lost !== undefined) {
      const doubt = `the trust file says that ${lost} is compromised, and a receipt alone does not say when it was made`;
      return { ...shown, verdict: "indeterminate", reasons: [doubt], failures: [] };
    }
    return { ...shown, verdict: "valid", reasons: [], failures: [] };
  }
  if (known) return refused(shown, "the signature does not verify");
  const reason = anchor.given
    ? "no certificate given connects the issuer key to a root of the trust file"
    : "no trust file was given: the signer is unknown";
  return { ...shown, verdict: "indeterminate", reasons: [reason], failures: [] };
}

async function findRoot(envelope: Parameters<typeof verifyEnvelope>[1], anchor: ReturnType<typeof anchorOf>) {
  for (const root of anchor.roots) if (await verifyEnvelope(root.key, envelope)) return root;
  return undefined;
}

function refused(
  shown: Omit<ReceiptReport, "verdict" | "reasons" | "failures">,
  message: string,
): ReceiptReport {
  const failure: Fault = { code: "FAILURE_SIGNATURE_INVALID", message };
  return { ...shown, verdict: "invalid", reasons: [reasonOf(failure)], failures: [failure] };
}

function reasonOf({ code, message }: Fault): string {
  return `${code}: ${message}`;
}
