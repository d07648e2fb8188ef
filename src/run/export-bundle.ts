import { GATE_RECORD } from "../contract/artifact.ts";
import {
  type BundleClaim,
  CLAIM_PATH,
  type DefinitionKind,
  MANIFEST_PATH,
  type Manifest,
  RECEIPTS_PATH,
} from "../contract/proof-bundle.ts";
import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { canonicalBytes, canonicalJson } from "../format/canonical-json.ts";
import { type Digest, digestOf, hexOf } from "../format/digest.ts";
import { IN_TOTO_PAYLOAD_TYPE } from "../format/dsse.ts";
import { signEnvelope } from "../format/signer.ts";
import { CLAIM_PREDICATE, STATEMENT_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { engagementStream, runStream, WORKSPACE_STREAM } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { toSigstoreBundle } from "../receipt/sigstore-bundle.ts";
import { exportLog } from "./export-log.ts";
import { followEvidence } from "./find-artifact.ts";
import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";
import { stampedEvents, stampReceipts, stampSignature } from "./stamp-receipts.ts";
import type { StoredReceipt } from "./store.ts";

/** A file of a proof bundle. */
export interface BundleFile {
  readonly path: string;
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}

export interface ExportOptions {
  /** Sizes of the log that the bundle shall be comparable with, such as one that a reviewer has pinned. Default none. */
  readonly sizes?: readonly number[];
  /** Says what a person should know of the export. Default: nobody is told. */
  readonly tell?: (line: string) => void;
}

/**
 * Collects the proof bundle of runs (`spec/bundle.md`): their streams with the engagement's and the
 * workspace's whole, the definitions they pinned, gate records and artifacts, a manifest, and one signed claim
 * over the manifest. Artifact bytes are read when the files are written, not before: who writes them holds the store's
 * bytes (`Store.holdBytes`) from before the export until then, or one may be retired in between.
 *
 * What lacks a time-stamp is stamped first.
 *
 * @param options.tell says what a person should know of the export.
 * @throws RunError `RUN_UNKNOWN`, `PINNED_MISSING`, `LOG_PROMISED`, and `TIME_UNAVAILABLE` when a run promised a token that
 *   is not to be had; LogError when what was promised cannot be logged.
 */
export async function exportBundle(
  lane: Lane,
  runs: readonly string[],
  { sizes = [], tell = () => {} }: ExportOptions = {},
): Promise<BundleFile[]> {
  await stampEnds(lane, runs, tell);
  const files = new Map<string, { file: BundleFile; digest: Digest }>();
  const add = (path: string, bytes: Uint8Array): void => {
    files.set(path, { file: inMemory(path, bytes), digest: digestOf(bytes) });
  };
  const streams = streamsOf(lane, runs);
  const receipts = streams.flatMap((stream) => lane.store.receipts(stream));
  const partial = runs.some((run) => lane.states.load(run).closed === undefined);
  // After the receipts were read: whatever is in the bundle is in the log by then.
  const log = await exportLog(lane, runs, receipts, sizes);
  for (const [path, bytes] of log?.files ?? []) add(path, bytes);
  add(RECEIPTS_PATH, new TextEncoder().encode(receipts.map((one) => lineOf(lane, one)).join("")));
  for (const run of runs) addRun(lane, run, add);
  addStatements(lane, receipts, new Set(runs), add);
  const byStream = Map.groupBy(receipts, ({ stream }) => stream);
  const changes = receipts.filter(
    ({ event, stream }) => !stream.startsWith("run:") && event.startsWith("artifact-"),
  );
  for (const run of runs)
    await addArtifacts(lane, run, [...(byStream.get(runStream(run)) ?? []), ...changes], files);

  const sorted = [...files.values()].sort((a, b) => (a.file.path < b.file.path ? -1 : 1));
  const manifest: Manifest = {
    schema: "witnessops/manifest/v1",
    files: sorted.map(({ file, digest }) => ({ path: file.path, size: file.size, digest })),
  };
  const manifestBytes = canonicalBytes(manifest);
  const content = {
    runs: [...runs].sort(),
    streams: headsOf(receipts),
    partial,
    checkpoint: log?.checkpoint ?? null,
  };
  const claim = await signClaim(lane, manifestBytes, content, tell);
  return [
    inMemory(CLAIM_PATH, canonicalBytes(claim)),
    inMemory(MANIFEST_PATH, manifestBytes),
    ...sorted.map(({ file }) => file),
  ];
}

function streamsOf(lane: Lane, runs: readonly string[]): string[] {
  const engagements = new Set(runs.map((run) => lane.states.load(run).document.engagement.id));
  return [
    WORKSPACE_STREAM,
    ...[...engagements].sort().map(engagementStream),
    ...[...runs].sort().map(runStream),
  ].filter((stream) => lane.store.head(stream) !== undefined);
}

function lineOf({ store }: Lane, { digest, event, payload, keyId, sig }: StoredReceipt): string {
  const tokens = stampedEvents.has(event) ? store.timestamps(digest).map(({ token }) => token) : [];
  const envelope = { payloadType: IN_TOTO_PAYLOAD_TYPE, payload, signature: { keyId, sig } };
  return `${canonicalJson(toSigstoreBundle(envelope, tokens.slice(0, MAX_TOKENS)))}\n`;
}

/** More tokens than this no reader takes (`spec/time.md`). */
const MAX_TOKENS = 10;

/** Stamps what opened and closed the runs. What a run promised and cannot be had now stops the export. */
async function stampEnds(lane: Lane, runs: readonly string[], tell: (line: string) => void): Promise<void> {
  const states = runs.map((run) => lane.states.load(run));
  const endsOf = ({ opened, closed }: (typeof states)[number]): Digest[] =>
    closed === undefined ? [opened] : [opened, closed];
  const { problems } = await stampReceipts(lane, { only: states.flatMap(endsOf) });
  const threshold = lane.time?.threshold ?? 1;
  for (const state of states) {
    if (!state.document.requiredLayers.includes("time")) continue;
    if (endsOf(state).every((end) => lane.store.timestamps(end).length >= threshold)) continue;
    const reasons = problems.map(({ authority, why }) => `\`${authority}\`: ${why}`).join("; ");
    throw new RunError({
      code: "TIME_UNAVAILABLE",
      message: `run \`${state.document.run}\` promised time-stamps that are not to be had now: ${reasons || "no authority is named"}`,
      hint: "try again when an authority of `witnessops.yaml` answers: `witnessops receipt stamp`",
    });
  }
  for (const { authority, why } of problems) tell(`not stamped by \`${authority}\`: ${why}`);
}

type Add = (path: string, bytes: Uint8Array) => void;

/** The definitions that the run pinned. */
function addRun(lane: Lane, run: string, add: Add): void {
  const { document, documentDigest } = lane.states.load(run);
  const definition = (kind: DefinitionKind, digest: string): void => {
    add(`definitions/${kind}/${hexOf(digest as Digest)}.json`, documentBytes(lane, digest));
  };
  definition("run", documentDigest);
  definition("runbook", document.runbook.digest);
  definition("engagement", document.engagement.digest);
  definition("principals", document.principals);
  definition("policies", document.policies);
  definition("catalog-lock", document.catalogLock);
  definition("authorization", document.authorization);
  for (const { id, version, digest } of document.contracts)
    add(`contracts/${id}@${version}.json`, documentBytes(lane, digest));
}

/** Signed statements and gate records that the receipts name. */
function addStatements(
  lane: Lane,
  receipts: readonly StoredReceipt[],
  runs: ReadonlySet<string>,
  add: Add,
): void {
  for (const receipt of receipts) {
    const { predicate, subject } = readReceipt(receipt.payload);
    const isOurs = predicate.run === undefined || runs.has(predicate.run);
    for (const named of isOurs ? statementsOf(predicate) : []) {
      add(`definitions/${named.kind}/${hexOf(named.digest)}.json`, documentBytes(lane, named.digest));
    }
    if (!receipt.stream.startsWith("run:")) continue;
    const records = subject
      .filter((one) => one.name.endsWith(`/${GATE_RECORD}`))
      .map((one) => one.digest.sha256);
    const earlier =
      predicate.invocation?.attempts.map((attempt) => hexOf(attempt.dispatchDigest as Digest)) ?? [];
    for (const hex of new Set([...records, ...earlier])) {
      add(`artifacts/sha256/${hex}`, documentBytes(lane, `sha256:${hex}`));
    }
  }
}

function statementsOf({ event, detail }: ReceiptPredicate): { kind: DefinitionKind; digest: Digest }[] {
  return statementEvents
    .filter(([of, , member]) => of === event && detail?.[member] !== undefined)
    .map(([, kind, member]) => ({ kind, digest: detail?.[member] as Digest }));
}

const statementEvents = [
  ["key-certified", "key-certificate", "certificate"],
  ["root-rotated", "root-certificate", "certificate"],
  ["key-revoked", "key-revocation", "revocation"],
  ["approval-recorded", "approval", "approval"],
  ["approval-recorded", "action-list", "list"],
  ["break-glass-recorded", "break-glass", "breakGlass"],
  ["break-glass-reviewed", "review", "review"],
  ["answer-recorded", "answer", "answer"],
  ["signal-recorded", "signal", "signal"],
  ["step-resolved", "resolution", "resolution"],
  ["step-escalated", "escalation", "escalation"],
  ["conclusion-recorded", "conclusion", "conclusion"],
  ["conclusion-withdrawn", "withdrawal", "withdrawal"],
  ["artifact-redacted", "lifecycle", "lifecycle"],
  ["artifact-hold-ended", "lifecycle", "lifecycle"],
  ["artifact-retired", "lifecycle", "lifecycle"],
] as const;

async function addArtifacts(
  lane: Lane,
  run: string,
  receipts: readonly StoredReceipt[],
  files: Map<string, { file: BundleFile; digest: Digest }>,
): Promise<void> {
  // By the receipts that are in the bundle: what was said meanwhile is not, and the two would contradict each other.
  const states = followEvidence(run, receipts);
  for (const { artifact } of lane.store.artifacts(run)) {
    const state = states.get(artifact.id);
    // Retired bytes are gone, or will be; what nobody has classified leaves this host by no path.
    if (state?.retired !== undefined || state?.sensitivity === undefined) continue;
    const digest = artifact.digest as Digest;
    const path = `artifacts/sha256/${hexOf(digest)}`;
    if (files.has(path)) continue;
    const inline = lane.store.blob(digest);
    if (inline !== undefined) {
      files.set(path, { file: inMemory(path, inline), digest });
    } else if (await lane.files.has(digest)) {
      files.set(path, { file: { path, size: artifact.size, read: () => lane.files.read(digest) }, digest });
    }
  }
}

function headsOf(receipts: readonly StoredReceipt[]): BundleClaim["streams"] {
  const heads: BundleClaim["streams"] = {};
  for (const { stream, seq, digest } of receipts) heads[stream] = { seq, digest, count: seq + 1 };
  return heads;
}

async function signClaim(
  lane: Lane,
  manifest: Uint8Array,
  content: Pick<BundleClaim, "runs" | "streams" | "partial" | "checkpoint">,
  tell: (line: string) => void,
) {
  const claim: BundleClaim = {
    schema: "witnessops/bundle-claim/v1",
    workspace: lane.issuerRoot,
    ...content,
    exportedAt: utcFromMillis(lane.clock()),
  };
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: MANIFEST_PATH, digest: { sha256: hexOf(digestOf(manifest)) } }],
    predicateType: CLAIM_PREDICATE,
    predicate: claim,
  };
  const envelope = await signEnvelope(lane.signer, canonicalBytes(statement));
  const { tokens, problems } = await stampSignature(lane, envelope.signature.sig, claim.exportedAt);
  for (const { authority, why } of problems) tell(`the claim is not stamped by \`${authority}\`: ${why}`);
  return toSigstoreBundle(envelope, tokens.slice(0, MAX_TOKENS));
}

function documentBytes(lane: Lane, digest: string): Uint8Array {
  const bytes = lane.store.document(digest as Digest);
  if (bytes !== undefined) return bytes;
  throw new RunError({
    code: "PINNED_MISSING",
    message: `the ledger lacks the document \`${digest}\``,
    hint: "run `witnessops doctor` and keep the ledger file",
  });
}

function inMemory(path: string, bytes: Uint8Array): BundleFile {
  return {
    path,
    size: bytes.length,
    async *read() {
      yield bytes;
    },
  };
}
