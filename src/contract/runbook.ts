import Type, { type Static } from "typebox";
import { celTree } from "./contract.ts";
import * as word from "./vocabulary.ts";

const { closed, text, cel } = word;

/** A scope entry of a runbook: a fixed pattern, or one computed from the run's inputs. */
const scopeEntry = Type.Union([
  word.scopePattern,
  Type.Object({ kind: Type.String({ pattern: "^[a-z][a-z0-9-]*$" }), from: cel }, closed),
]);

const step = Type.Object(
  {
    id: Type.String({ pattern: "^[a-z][a-z0-9-]*$", maxLength: 64 }),
    title: Type.Optional(text),
    uses: word.reference,
    with: Type.Optional(celTree),
    gates: Type.Optional(Type.Object({ approval: Type.Optional(word.approvalRule) }, closed)),
    needs: Type.Optional(Type.Array(Type.String(), { uniqueItems: true, maxItems: 100 })),
    when: Type.Optional(cel),
    forEach: Type.Optional(
      Type.Object(
        { in: cel, max: Type.Integer({ minimum: 1, maximum: 10_000 }), key: Type.Optional(cel) },
        closed,
      ),
    ),
    onFailure: Type.Optional(Type.Enum([...word.failureModes])),
    timeout: Type.Optional(word.duration),
    retry: Type.Optional(Type.Object({ attempts: Type.Integer({ minimum: 1, maximum: 10 }) }, closed)),
  },
  closed,
);

/** Where a drafted runbook came from: what was read, and what became of its signatures. */
const source = Type.Object(
  {
    format: Type.Literal("cacao-2.0"),
    id: text,
    modified: text,
    digest: word.digest,
    signatures: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: text,
            verdict: Type.Enum(["authenticated", "integrity-only", "revoked", "unchecked"]),
            key: Type.Optional(text),
          },
          closed,
        ),
        { maxItems: 20 },
      ),
    ),
  },
  closed,
);

/** A runbook: versioned, ordered steps (design section 3, `spec/runbook.md`). */
export const runbookSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Runbook"),
    id: word.id,
    version: word.version,
    title: text,
    classification: Type.Enum([...word.classifications]),
    owner: word.id,
    objective: text,
    technique: Type.Optional(text),
    source: Type.Optional(source),
    inputs: word.dataSchema,
    scope: Type.Object(
      {
        include: Type.Array(scopeEntry, { minItems: 1, maxItems: 1000 }),
        exclude: Type.Optional(Type.Array(scopeEntry, { maxItems: 1000 })),
      },
      closed,
    ),
    steps: Type.Array(step, { minItems: 1, maxItems: 500 }),
    evidence: Type.Optional(Type.Object({ require: Type.Optional(Type.Array(Type.String())) }, closed)),
  },
  { ...closed, title: "WitnessOps runbook" },
);

export type Runbook = Static<typeof runbookSchema>;
export type RunbookStep = Runbook["steps"][number];
