import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/** Fixed paths inside a proof bundle (`spec/bundle.md`). */
export const MANIFEST_PATH = "MANIFEST.json";
export const CLAIM_PATH = "CLAIM.sigstore.json";
export const RECEIPTS_PATH = "receipts/receipts.ndjson";
/** What is there of the transparency log, when there is one (`spec/log.md`). */
export const LOG_FOLDER = "log/";
export const LOG_CHECKPOINT_PATH = "log/checkpoint";
export const LOG_INDEX_PATH = "log/index.json";
export const LOG_LOWER_FOLDER = "log/lower/";
/** Kinds of `definitions/<kind>/<hex>.json`. The first nine are documents, the rest are DSSE envelopes. */
export const definitionKinds = [
  "runbook",
  "engagement",
  "principals",
  "policies",
  "catalog-lock",
  "run",
  "escalation",
  "signal",
  "action-list",
  "authorization",
  "key-certificate",
  "root-certificate",
  "key-revocation",
  "approval",
  "resolution",
  "answer",
  "break-glass",
  "review",
  "conclusion",
  "withdrawal",
] as const;
export type DefinitionKind = (typeof definitionKinds)[number];

/** `MANIFEST.json`: every file but itself and the claim, sorted by path. */
export const manifestSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/manifest/v1"),
    files: Type.Array(
      Type.Object(
        {
          path: Type.String({ minLength: 1, maxLength: 256 }),
          size: Type.Integer({ minimum: 0 }),
          digest: word.digest,
        },
        word.closed,
      ),
    ),
  },
  word.closed,
);
export type Manifest = Static<typeof manifestSchema>;

/** Predicate of `CLAIM.sigstore.json`: what the exporter says the bundle holds; its subject is the manifest. */
export const bundleClaimSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/bundle-claim/v1"),
    /** Key id of the workspace's issuer root. */
    workspace: Type.String({ maxLength: 100 }),
    runs: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 10_000, uniqueItems: true }),
    /** Every stream in the bundle: its newest receipt, and how many it has. */
    streams: Type.Record(
      Type.String({ maxLength: 200 }),
      Type.Object(
        {
          seq: Type.Integer({ minimum: 0 }),
          digest: word.digest,
          count: Type.Integer({ minimum: 1 }),
        },
        word.closed,
      ),
    ),
    /** True when a run in it is still open. */
    partial: Type.Boolean(),
    /** The log's head in the bundle; null when there is no log. */
    checkpoint: Type.Union([
      Type.Null(),
      Type.Object(
        {
          origin: Type.String({ minLength: 1, maxLength: 200 }),
          size: Type.Integer({ minimum: 1 }),
          root: Type.String({ pattern: "^[A-Za-z0-9+/]{43}=$" }),
        },
        word.closed,
      ),
    ]),
    exportedAt: word.utc,
  },
  word.closed,
);
export type BundleClaim = Static<typeof bundleClaimSchema>;
