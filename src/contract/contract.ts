import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const { closed, text, cel } = word;

/** A tree whose strings are CEL expressions; numbers, booleans and null stand for themselves. */
export const celTree = Type.Record(Type.String({ minLength: 1 }), Type.Unknown());

const errorClass = Type.Object(
  {
    class: Type.String({ pattern: "^[A-Z][A-Z0-9_]{1,63}$" }),
    side: Type.Enum([...word.sides]),
    retryable: Type.Boolean(),
    when: cel,
    meaning: text,
  },
  closed,
);

const subject = Type.Object({ kind: Type.String({ pattern: "^[a-z][a-z0-9-]*$" }), from: cel }, closed);
const endpoint = Type.Union([
  Type.Object(
    {
      host: cel,
      port: Type.Optional(Type.Union([cel, Type.Integer()])),
      protocol: Type.Optional(Type.Enum(["tcp", "udp"])),
    },
    closed,
  ),
  Type.Object({ url: cel }, closed),
]);

const secret = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z][a-z0-9-]*$" }),
    ref: Type.String({ pattern: "^(env|file|exec):.+$", maxLength: 1000 }),
    into: Type.Object(
      {
        /** `cookie`: of `openapi` only. `path`: the URL has a placeholder `{name}` in its path. `password`: of the user that logs in. `key`: what signs. */
        kind: Type.Enum(["header", "query", "cookie", "env", "path", "password", "key"]),
        name: Type.String({ minLength: 1, maxLength: 200 }),
        scheme: Type.Optional(Type.Enum(["raw", "bearer", "basic"])),
      },
      closed,
    ),
  },
  closed,
);

/** How the doubt of an attempt is settled: another contract is called that reads back what became of it. */
const readBack = Type.Object(
  {
    uses: word.reference,
    /** Since the attempt began; an action under way must have ended by then, one way or the other. */
    after: word.duration,
    with: celTree,
    happened: cel,
    notHappened: cel,
  },
  closed,
);

const artifact = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z][a-z0-9-]*$", maxLength: 64 }),
    mediaType: Type.String({ minLength: 3, maxLength: 200 }),
    required: Type.Boolean(),
    requiredOnFailure: Type.Optional(Type.Boolean()),
    sensitivity: Type.Enum([...word.sensitivities]),
    maxBytes: Type.Optional(word.size),
  },
  closed,
);

const boundaryRows = Type.Object(
  {
    invocation: Type.Array(text, { minItems: 1 }),
    transport: Type.Array(text, { minItems: 1 }),
    evidence: Type.Array(text, { minItems: 1 }),
    interpretation: Type.Array(text, { minItems: 1 }),
  },
  closed,
);

/** A boundary contract: one declared integration call (design section 3, `spec/contract.md`). */
export const contractSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Contract"),
    id: word.id,
    version: word.version,
    title: text,
    purpose: text,
    nonGoals: Type.Optional(Type.Array(text)),
    docUrl: Type.Optional(Type.String({ pattern: "^https://", maxLength: 2000 })),
    system: Type.Optional(
      Type.Object({ name: text, vendor: Type.Optional(text), versions: Type.Optional(text) }, closed),
    ),
    effect: Type.Enum([...word.effects]),
    inputs: word.dataSchema,
    outputs: word.dataSchema,
    errors: Type.Array(errorClass, { minItems: 1, maxItems: 64 }),
    scope: Type.Object(
      {
        subjects: Type.Array(subject, { minItems: 1, maxItems: 32 }),
        endpoints: Type.Array(endpoint, { maxItems: 32 }),
        actions: Type.Array(text, { minItems: 1, maxItems: 32 }),
        disallowed: Type.Array(text, { minItems: 1, maxItems: 32 }),
      },
      closed,
    ),
    authority: Type.Object(
      {
        roles: Type.Array(Type.Enum([...word.roles]), { minItems: 1, uniqueItems: true }),
        approval: word.approvalRule,
      },
      closed,
    ),
    execution: Type.Object(
      {
        adapter: word.id,
        with: celTree,
        outputs: celTree,
        timeout: word.duration,
        retry: Type.Optional(
          Type.Object(
            {
              attempts: Type.Integer({ minimum: 1, maximum: 10 }),
              backoff: Type.Enum(["none", "fixed", "exponential"]),
              on: Type.Array(Type.String(), { minItems: 1 }),
            },
            closed,
          ),
        ),
        idempotency: Type.Enum([...word.idempotencies]),
        confirm: Type.Optional(Type.Union([Type.Null(), readBack])),
        secrets: Type.Optional(Type.Array(secret, { maxItems: 16 })),
        /** Of a tool: whether the kernel holds it to its endpoints and files. Default `none`. */
        isolation: Type.Optional(Type.Enum(["required", "preferred", "none"])),
      },
      closed,
    ),
    evidence: Type.Object(
      { artifacts: Type.Array(artifact, { minItems: 1, maxItems: 32 }), maxBytes: word.size },
      closed,
    ),
    failure: Type.Object(
      { onFailure: Type.Enum([...word.failureModes]), escalateTo: Type.Optional(text) },
      closed,
    ),
    boundary: Type.Object(
      { external: Type.Union([Type.Array(text, { minItems: 1 }), boundaryRows]) },
      closed,
    ),
    attests: text,
    doesNotAttest: text,
  },
  { ...closed, title: "WitnessOps boundary contract" },
);

export type Contract = Static<typeof contractSchema>;
export type ReadBack = Static<typeof readBack>;
export type ArtifactRule = Contract["evidence"]["artifacts"][number];

/** `id@version` of a document that has both. */
export function referenceOf(document: { readonly id: string; readonly version: string }): string {
  return `${document.id}@${document.version}`;
}
