import Type from "typebox";
import { type FailureCode, failureCodes } from "./failure-code.ts";
import { layerNames } from "./layer.ts";
import { signals } from "./report.ts";

/**
 * The published forms of the verifier's reports (`schemas/verification-report.schema.json`,
 * `schemas/receipt-report.schema.json`). A program that reads reports may rely on them: what is not named here does
 * not occur in this version.
 */

const closed = { additionalProperties: false } as const;
const digest = Type.String({ pattern: "^sha256:[0-9a-f]{64}$" });
const verdict = Type.Enum(["valid", "invalid", "indeterminate"], {
  description: "`invalid` beats `indeterminate` beats `valid`",
});
const texts = Type.Array(Type.String());
const code = Type.Enum(Object.keys(failureCodes) as FailureCode[]);

const layer = Type.Object(
  {
    layer: Type.Enum([...layerNames]),
    internal: Type.Enum(["ok", "failed", "not-present", "indeterminate", "partial"], {
      description: "whether the bundle is coherent with itself",
    }),
    anchored: Type.Enum(["established", "untested", "failed", "not-applicable"], {
      description: "whether it continues from what the reviewer trusts",
    }),
    failures: Type.Array(
      Type.Object(
        { code, message: Type.String(), path: Type.Optional(Type.String()), receipt: Type.Optional(digest) },
        closed,
      ),
    ),
    doubts: texts,
    notes: texts,
  },
  closed,
);

const time = Type.Object(
  {
    claimed: Type.String({ description: "the host's claim" }),
    bound: Type.Enum(["bounded", "host-asserted"]),
    notBefore: Type.Optional(Type.String()),
    notAfter: Type.Optional(Type.String()),
  },
  { ...closed, description: "when it was, and between which instants others put it" },
);

const run = Type.Object(
  {
    id: Type.String(),
    runbook: Type.String(),
    engagement: Type.String(),
    requester: Type.String(),
    objective: Type.String(),
    openedAt: Type.String(),
    time,
    outcome: Type.String({
      description: "`completed`, `stopped`, `cancelled`, `handed-over`; `open` while it is",
    }),
    authorized: Type.Boolean({
      description: "whether what the run pinned counts as authority by the reviewer's trust",
    }),
  },
  closed,
);

const step = Type.Object(
  {
    id: Type.String(),
    key: Type.Optional(Type.String()),
    readBack: Type.Optional(Type.Number()),
    invocation: Type.String(),
    contract: Type.Optional(Type.String()),
    outcome: Type.String(),
    errorClass: Type.Optional(Type.String()),
    side: Type.Optional(Type.String()),
    receipt: Type.String(),
    time,
    proofClass: Type.Optional(Type.Enum(["strong-proof", "operational-input"])),
    missing: Type.Array(Type.Enum([...signals])),
    reasons: texts,
    observed: Type.Optional(
      Type.Object(
        {
          outputs: Type.Record(Type.String(), Type.Unknown()),
          asReportedBy: Type.String(),
        },
        { ...closed, description: "what the external system reported; not that it is true" },
      ),
    ),
    artifacts: Type.Array(
      Type.Object(
        { id: Type.String(), digest: Type.String(), size: Type.Number(), exact: Type.Boolean() },
        closed,
      ),
    ),
  },
  closed,
);

const denied = Type.Object(
  {
    invocation: Type.String(),
    targets: texts,
    gate: Type.String(),
    reason: Type.String(),
    receipt: Type.String(),
  },
  closed,
);

const boundary = Type.Object(
  {
    contract: Type.String(),
    rows: Type.Array(Type.Object({ row: Type.String(), witnessops: texts, external: texts }, closed)),
    attests: Type.String(),
    doesNotAttest: Type.String(),
  },
  closed,
);

const conclusion = Type.Object(
  {
    statement: Type.String(),
    principal: Type.String(),
    confidence: Type.Enum(["low", "medium", "high"]),
    supported: Type.Boolean({ description: "whether the confidence may stand" }),
    reasons: texts,
    cites: Type.Array(Type.Unknown()),
    digest: Type.String({ description: "envelope digest: how later statements name it" }),
    state: Type.Enum(["stands", "superseded", "withdrawn"]),
    ended: Type.Optional(Type.String({ description: "by whom and when it ended" })),
  },
  closed,
);

const evidence = Type.Object(
  {
    sealed: Type.Array(
      Type.Object(
        {
          artifact: Type.String(),
          digest,
          commitment: Type.String(),
          recipients: texts,
          opened: Type.Boolean({ description: "whether it was opened, and holds what its commitment says" }),
        },
        closed,
      ),
    ),
    retired: Type.Array(
      Type.Object(
        {
          artifact: Type.String(),
          digest,
          by: Type.String(),
          at: Type.String({ description: "the host's claim" }),
          reason: Type.String(),
          receipt: Type.String(),
        },
        closed,
      ),
    ),
    quarantined: texts,
    carried: Type.Array(
      Type.Object(
        {
          artifact: Type.String(),
          digest,
          although: Type.Union([Type.Literal("retired"), Type.Literal("quarantined")]),
        },
        { ...closed, description: "bytes that are in the bundle, and are to be nowhere" },
      ),
    ),
    held: Type.Array(Type.Object({ artifact: Type.String(), holds: Type.Integer() }, closed)),
    released: Type.Array(
      Type.Object(
        {
          artifact: Type.String(),
          recipient: Type.String(),
          commitment: Type.String(),
          by: Type.String(),
          at: Type.String(),
          reason: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
    redacted: Type.Array(
      Type.Object({ artifact: Type.String(), derivedFrom: Type.String(), by: Type.String() }, closed),
    ),
  },
  { ...closed, description: "what became of the evidence" },
);

/** The form of `Report`. */
export const reportSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/verification/v1"),
    verdict,
    reasons: texts,
    partial: Type.Boolean({ description: "a run in the bundle is still open" }),
    runs: Type.Array(run),
    layers: Type.Array(layer),
    steps: Type.Array(step),
    evidence,
    denied: Type.Array(denied),
    boundary: Type.Array(boundary),
    inferred: Type.Array(conclusion),
    assumptions: Type.Array(Type.Object({ id: Type.String(), text: Type.String() }, closed)),
    hostAsserted: texts,
    doubt: texts,
    ignoredFiles: texts,
  },
  { ...closed, title: "WitnessOps verification report" },
);

/** The form of `ReceiptReport`. */
export const receiptReportSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/receipt-verification/v1"),
    verdict,
    reasons: texts,
    failures: Type.Array(Type.Object({ code, message: Type.String() }, closed)),
    digest: Type.Optional(digest),
    event: Type.Optional(Type.String()),
    stream: Type.Optional(Type.String()),
    seq: Type.Optional(Type.Number()),
    claimedUtc: Type.Optional(Type.String()),
    time: Type.Optional(time),
    keyId: Type.Optional(Type.String()),
    subjects: Type.Array(Type.Object({ name: Type.String(), sha256: Type.String() }, closed)),
    notShown: texts,
  },
  { ...closed, title: "WitnessOps report on one receipt" },
);
