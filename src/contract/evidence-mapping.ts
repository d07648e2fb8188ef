import Type, { type Static } from "typebox";
import { decisions, gateNames } from "./gate-record.ts";
import { type DocumentKind, readDocument } from "./inspect-document.ts";
import { engagementEvents, exceptions, runEvents, workspaceEvents } from "./receipt-predicate.ts";
import * as word from "./vocabulary.ts";

const events = Type.Enum([...workspaceEvents, ...engagementEvents, ...runEvents]);
const oneOrMore = Type.Union([
  Type.String({ minLength: 1, maxLength: 100 }),
  Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 50 }),
]);

/** Which receipts count: every member that is given must hold. */
const selector = Type.Object(
  {
    /** What these receipts show, in a few words. */
    shows: word.text,
    /** Events of the receipt (spec/receipt.md). */
    event: Type.Union([events, Type.Array(events, { minItems: 1, maxItems: 50 })]),
    /** Ids of contracts; `*` at the end stands for any rest. */
    contract: Type.Optional(oneOrMore),
    effect: Type.Optional(Type.Array(Type.Enum([...word.effects]), { minItems: 1 })),
    /** A gate that decided so in the receipt. */
    gate: Type.Optional(
      Type.Object(
        {
          gate: Type.Enum([...gateNames]),
          decision: Type.Enum([...decisions]),
        },
        word.closed,
      ),
    ),
    /** Members of the receipt's `detail` and their values, such as `decision: approve`. */
    detail: Type.Optional(
      Type.Record(
        Type.String({ pattern: "^[a-zA-Z]{1,40}$" }),
        Type.String({ minLength: 1, maxLength: 100 }),
        {
          minProperties: 1,
          maxProperties: 5,
        },
      ),
    ),
    /** A named reason for operational input that the receipt has. */
    exception: Type.Optional(Type.Array(Type.Enum([...exceptions]), { minItems: 1 })),
  },
  word.closed,
);
export type EvidenceSelector = Static<typeof selector>;

/** Requirements of a framework, and which receipts are evidence for each: data, not judgement (spec/mapping.md). */
export const evidenceMappingSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("EvidenceMapping"),
    id: word.id,
    version: word.version,
    title: word.text,
    /** Where the framework itself is published. */
    source: Type.String({ pattern: "^https://[^\\s]+$", maxLength: 1000 }),
    requirements: Type.Array(
      Type.Object(
        {
          id: Type.String({ minLength: 1, maxLength: 60 }),
          /** What is required, in our words; the framework's own text is the authority. */
          requires: word.text,
          direct: Type.Array(selector, { maxItems: 20 }),
          supporting: Type.Optional(Type.Array(selector, { maxItems: 20 })),
          /** What no receipt shows, whatever a bundle holds. */
          gaps: Type.Array(word.text, { minItems: 1, maxItems: 20 }),
        },
        word.closed,
      ),
      { minItems: 1, maxItems: 500 },
    ),
  },
  { ...word.closed, title: "WitnessOps evidence mapping" },
);
export type EvidenceMapping = Static<typeof evidenceMappingSchema>;

const kind: DocumentKind<EvidenceMapping> = {
  name: "evidence mapping",
  schema: evidenceMappingSchema,
  rules({ items, report }) {
    const seen = new Set<string>();
    for (const [index, { id }] of items("requirements")) {
      if (seen.has(id)) report(["requirements", index, "id"], "duplicate", `\`${id}\` is there twice`);
      seen.add(id);
    }
  },
};

/** Reads an evidence mapping. @throws ContractError with every fault. */
export function parseEvidenceMapping(yaml: string, file: string): EvidenceMapping {
  return readDocument(kind, yaml, { file });
}
