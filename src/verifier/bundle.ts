import type { TSchema } from "typebox";
import { actionListSchema } from "../contract/action-list.ts";
import { type CelBudget, CelBudgetSpent, withCelBudget } from "../contract/cel-budget.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { ContractError } from "../contract/contract-error.ts";
import { escalationSchema } from "../contract/escalation.ts";
import { catalogLockFromJson } from "../contract/parse-catalog-lock.ts";
import { contractFromJson } from "../contract/parse-contract.ts";
import { engagementFromJson } from "../contract/parse-engagement.ts";
import { policySetFromJson } from "../contract/parse-policy-set.ts";
import { principalSetFromJson } from "../contract/parse-principal.ts";
import { runbookFromJson } from "../contract/parse-runbook.ts";
import {
  type BundleClaim,
  bundleClaimSchema,
  CLAIM_PATH,
  type DefinitionKind,
  definitionKinds,
  LOG_FOLDER,
  MANIFEST_PATH,
  type Manifest,
  manifestSchema,
  RECEIPTS_PATH,
} from "../contract/proof-bundle.ts";
import { runDocumentSchema } from "../contract/run-document.ts";
import { signalSchema } from "../contract/signal.ts";
import { collectBytes } from "../format/byte-source.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { type Envelope, envelopeDigest } from "../format/dsse.ts";
import type { Json } from "../format/json.ts";
import { CLAIM_PREDICATE } from "../format/statement.ts";
import type { BundleSource } from "./bundle-source.ts";
import { authoredFault, documentFaults, parseDocument, placed } from "./check-document.ts";
import { type HashedFile, hashFiles } from "./hash-files.ts";
import type { Failure } from "./layer.ts";
import type { Limits } from "./limits.ts";
import { type Receipt, readReceipts } from "./read-receipts.ts";
import { receiptFaults } from "./receipt-form.ts";
import { type Read, readEnvelope, readStampedStatement, type StampedStatement } from "./sigstore-envelope.ts";

/** A bundle that was read: parsed, hashed, indexed, and nothing believed yet. */
export interface Bundle {
  /** False when the container itself is malformed or out of bounds: then nothing else can be said. */
  readonly readable: boolean;
  /** What expressions of the bundle may still cost. */
  readonly celBudget: CelBudget;
  /** Every file, hashed. */
  readonly files: ReadonlyMap<string, HashedFile>;
  /** The files that the manifest lists; only these are used. */
  readonly listed: ReadonlyMap<string, HashedFile>;
  readonly manifest: Manifest | undefined;
  readonly claim: StampedStatement<BundleClaim> | undefined;
  /** In the order of the file. */
  readonly receipts: readonly Receipt[];
  readonly streams: ReadonlyMap<string, readonly Receipt[]>;
  /** Receipts that change the live status of an engagement or a principal. */
  readonly statusReceipts: readonly Receipt[];
  /** What was done to artifacts after their run collected them: `<stream> <run>`, in the order of the stream. */
  readonly lifecycle: ReadonlyMap<string, readonly Receipt[]>;
  /** The first receipt of each run's opening and closing: `run-opened <run>`. */
  readonly runEvents: ReadonlyMap<string, Receipt>;
  readonly contracts: ReadonlyMap<string, { contract: Contract; digest: Digest; path: string }>;
  /** What reading found wrong, by the layer that reports it. */
  readonly faults: { readonly files: Failure[]; readonly manifest: Failure[]; readonly structure: Failure[] };
  /** A pinned document by its digest, checked against its schema. */
  document<T>(kind: DefinitionKind, digest: string): T | undefined;
  /** A signed statement of a person, or a certificate, by envelope digest. */
  envelope(kind: DefinitionKind, digest: string): Envelope | undefined;
  envelopes(kind: DefinitionKind): readonly { digest: Digest; envelope: Envelope; path: string }[];
  /** A listed file's bytes; undefined when it is absent, changed, or larger than the bound. */
  bytes(path: string): Promise<Uint8Array | undefined>;
  /** A small artifact's bytes; undefined when it is absent, changed, or larger than the bound. */
  artifact(digest: string): Promise<Uint8Array | undefined>;
  /** An artifact's bytes as a stream, whatever its size; undefined when it is absent or changed. */
  readArtifact(digest: string): AsyncIterable<Uint8Array> | undefined;
}

/** How each kind of pinned document is read; the kinds that are not here are signed statements. */
const documentReaders: Partial<Record<DefinitionKind, (value: Json) => Read<unknown>>> = {
  runbook: authored(runbookFromJson),
  engagement: authored(engagementFromJson),
  principals: authored(principalSetFromJson),
  policies: authored(policySetFromJson),
  "catalog-lock": authored(catalogLockFromJson),
  run: (value) => typed(runDocumentSchema, value),
  escalation: (value) => typed(escalationSchema, value),
  signal: (value) => typed(signalSchema, value),
  "action-list": (value) => typed(actionListSchema, value),
};
const DEFINITION = /^definitions\/([a-z-]+)\/([0-9a-f]{64})\.json$/;
const CONTRACT = /^contracts\/([^/]+@[^/]+)\.json$/;
const CEL_STEPS_PER_RECEIPT = 2000;
const ARTIFACT = /^artifacts\/sha256\/[0-9a-f]{64}$/;

const statusEvents: ReadonlySet<string> = new Set([
  "engagement-halted",
  "engagement-closed",
  "principal-added",
  "principal-disabled",
  "key-revoked",
  "contract-suspended",
  "contract-revoked",
  "contract-reinstated",
  "freeze-began",
  "freeze-ended",
]);

/** Path of an artifact in a bundle. */
export function artifactPath(digest: string): string {
  return `artifacts/sha256/${digest.slice("sha256:".length)}`;
}

/** Reads a bundle. Never throws for what is in it: what is wrong stands in `faults`. */
export async function openBundle(source: BundleSource, limits: Limits): Promise<Bundle> {
  const { files, failures, readable } = await hashFiles(source, limits);
  const faults = { files: failures, manifest: [] as Failure[], structure: [] as Failure[] };
  const celBudget: CelBudget = { left: limits.maxCelSteps };
  const load = async (path: string): Promise<Uint8Array | undefined> => {
    const file = files.get(path);
    const most = path === MANIFEST_PATH ? limits.maxManifestBytes : limits.maxDocumentBytes;
    if (file === undefined || file.size > most) return undefined;
    const bytes = await collectBytes(source.read(path), file.size).catch((error: unknown) => {
      if (error instanceof RangeError) return undefined;
      throw error;
    });
    return bytes !== undefined && digestOf(bytes) === file.digest ? bytes : undefined;
  };
  const read = async <T>(
    path: string,
    list: Failure[],
    parse: (value: Json) => Read<T>,
  ): Promise<T | undefined> => {
    const bytes = await load(path);
    if (bytes === undefined) {
      if (!readable) return undefined;
      const code = files.has(path) ? "FAILURE_BUNDLE_MALFORMED" : "FAILURE_COMPLETENESS";
      list.push({ code, message: files.has(path) ? "the file is too large" : "the file is absent", path });
      return undefined;
    }
    const parsed = parseDocument(bytes);
    const result = "fault" in parsed ? { faults: [parsed.fault] } : bounded(celBudget, parse, parsed.value);
    if ("value" in result) return result.value;
    list.push(...placed(result.faults, { path }));
    return undefined;
  };

  const manifest = await read(MANIFEST_PATH, faults.manifest, (value) =>
    typed<Manifest>(manifestSchema, value),
  );
  const listed = admit(files, manifest);
  const claim = await read(CLAIM_PATH, faults.structure, (value) =>
    readStampedStatement<BundleClaim>(value, CLAIM_PREDICATE, bundleClaimSchema),
  );
  const receipts = readable ? await readReceipts(source, listed, limits, faults.structure) : [];

  const documents = new Map<string, unknown>();
  const envelopes = new Map<string, { digest: Digest; envelope: Envelope; path: string }>();
  const contracts = new Map<string, { contract: Contract; digest: Digest; path: string }>();
  for (const { path, digest } of listed.values()) {
    const [, kind = "", hex = ""] = DEFINITION.exec(path) ?? [];
    const [, reference] = CONTRACT.exec(path) ?? [];
    if (reference !== undefined) {
      const contract = await read(path, faults.structure, authored(contractFromJson));
      if (contract === undefined) continue;
      if (referenceOf(contract) !== reference) {
        faults.structure.push({
          code: "FAILURE_DIGEST_MISMATCH",
          message: `the file holds \`${referenceOf(contract)}\``,
          path,
        });
      } else contracts.set(reference, { contract, digest, path });
    } else if (isDefinitionKind(kind)) {
      const reader = documentReaders[kind];
      if (reader === undefined) {
        const envelope = await read(path, faults.structure, readEnvelope);
        if (envelope === undefined) continue;
        const named = digestOfHex(hex);
        if (envelopeDigest(envelope) !== named) faults.structure.push(misnamed(path));
        else envelopes.set(`${kind} ${named}`, { digest: named, envelope, path });
      } else {
        if (digest !== digestOfHex(hex)) faults.structure.push(misnamed(path));
        const document = await read(path, faults.structure, reader);
        if (document !== undefined) documents.set(`${kind} ${digest}`, document);
      }
    }
  }
  celBudget.left += CEL_STEPS_PER_RECEIPT * receipts.length;
  const runEvents = indexRuns(receipts);
  faults.structure.push(...receiptFaults(receipts, runEvents, documents));
  return {
    readable,
    celBudget,
    files,
    listed,
    manifest,
    claim,
    receipts,
    streams: Map.groupBy(receipts, (receipt) => receipt.predicate.ledger.stream),
    statusReceipts: receipts.filter(({ predicate }) => statusEvents.has(predicate.event)),
    lifecycle: Map.groupBy(
      receipts.filter(({ predicate }) => isLifecycle(predicate.event)),
      ({ predicate }) => `${predicate.ledger.stream} ${predicate.run ?? ""}`,
    ),
    runEvents,
    contracts,
    faults,
    document: <T>(kind: DefinitionKind, digest: string) =>
      documents.get(`${kind} ${digest}`) as T | undefined,
    envelope: (kind, digest) => envelopes.get(`${kind} ${digest}`)?.envelope,
    envelopes: (kind) =>
      [...envelopes].filter(([key]) => key.startsWith(`${kind} `)).map(([, entry]) => entry),
    bytes: async (path) => (listed.has(path) ? load(path) : undefined),
    async artifact(digest) {
      const path = artifactPath(digest);
      return listed.get(path)?.digest === digest ? load(path) : undefined;
    },
    readArtifact(digest) {
      const path = artifactPath(digest);
      return listed.get(path)?.digest === digest ? source.read(path) : undefined;
    },
  };
}

/** Whether this version of the verifier reads the path at all. */
export function isKnownPath(path: string): boolean {
  const kind = DEFINITION.exec(path)?.[1];
  return (
    path === RECEIPTS_PATH ||
    CONTRACT.test(path) ||
    ARTIFACT.test(path) ||
    path.startsWith(LOG_FOLDER) ||
    (kind !== undefined && isDefinitionKind(kind))
  );
}

/** Of an engagement's stream; `artifact-imported` is a run's own. */
function isLifecycle(event: string): boolean {
  return event.startsWith("artifact-") && event !== "artifact-imported";
}

function indexRuns(receipts: readonly Receipt[]): Map<string, Receipt> {
  const found = new Map<string, Receipt>();
  for (const receipt of receipts) {
    const { event, detail, ledger } = receipt.predicate;
    if (event !== "run-opened" && event !== "run-closed") continue;
    const key = `${event} ${String(detail?.run)}`;
    if (ledger.stream.startsWith("engagement:") && !found.has(key)) found.set(key, receipt);
  }
  return found;
}

/** Parses at the cost of the bundle's budget: expressions are compiled. */
function bounded<T>(budget: CelBudget, parse: (value: Json) => Read<T>, value: Json): Read<T> {
  try {
    return withCelBudget(budget, () => parse(value));
  } catch (error) {
    if (!(error instanceof CelBudgetSpent)) throw error;
    const message = "the bundle's expressions are too many to be read";
    return { faults: [{ code: "FAILURE_BUNDLE_MALFORMED", message }] };
  }
}

function typed<T>(schema: TSchema, value: Json): Read<T> {
  const faults = documentFaults(schema, value);
  return faults.length > 0 ? { faults } : { value: value as T };
}

/** A reader of authored documents, with every rule that held when they were authored. */
function authored<T>(parse: (value: Json) => T): (value: Json) => Read<T> {
  return (value) => {
    try {
      return { value: parse(value) };
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      return { faults: error.faults.map(authoredFault) };
    }
  };
}

/** Without a readable manifest everything is looked at, so that all that is wrong gets reported. */
function admit(
  files: ReadonlyMap<string, HashedFile>,
  manifest: Manifest | undefined,
): ReadonlyMap<string, HashedFile> {
  if (manifest === undefined) return files;
  const listed = new Map<string, HashedFile>();
  for (const { path } of manifest.files) {
    const file = files.get(path);
    if (file !== undefined) listed.set(path, file);
  }
  return listed;
}

function isDefinitionKind(kind: string): kind is DefinitionKind {
  return (definitionKinds as readonly string[]).includes(kind);
}

function digestOfHex(hex: string): Digest {
  return `sha256:${hex}`;
}

function misnamed(path: string): Failure {
  return { code: "FAILURE_HASH_MISMATCH", message: "the file is not what its name says", path };
}
