import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

const { closed, text } = word;

const targetAuthorization = Type.Object(
  {
    id: word.id,
    /**
     * `owner-record`: the engagement's owner says so; `letter`: a signed letter, a file named by its digest;
     * `domain-control`: who controls the domain published a token, which was looked up through the governed path.
     */
    kind: Type.Enum(["owner-record", "letter", "domain-control"]),
    targets: Type.Array(word.scopePattern, { minItems: 1, maxItems: 10_000 }),
    grantedBy: text,
    reference: Type.Optional(text),
    letterDigest: Type.Optional(word.digest),
    /** What is published where, for `domain-control`. */
    challenge: Type.Optional(
      Type.Object(
        {
          domain: Type.String({ pattern: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", maxLength: 253 }),
          /** A TXT record at `_witnessops-challenge.<domain>`, or `/.well-known/witnessops-challenge.txt`. */
          method: Type.Enum(["dns-txt", "well-known"]),
          token: Type.String({ pattern: "^[A-Za-z0-9_-]{16,100}$" }),
          /** How long a proof holds. */
          validFor: word.duration,
        },
        closed,
      ),
    ),
    notBefore: Type.Optional(word.utc),
    notAfter: Type.Optional(word.utc),
  },
  closed,
);

const exceptionTerms = Type.Object(
  {
    approver: word.id,
    reason: text,
    boundary: text,
    stopCondition: text,
    dataHandling: text,
  },
  closed,
);

/** Targets outside of the scope that may be reached nevertheless; what is done there is never strong proof. */
const scopeBypass = Type.Object(
  {
    approver: word.id,
    reason: text,
    boundary: Type.Array(word.scopePattern, { minItems: 1, maxItems: 1000 }),
    environmentClass: text,
    stopCondition: text,
    dataHandling: text,
  },
  closed,
);

/** Permission, given beforehand, to act without the approval that an action needs; reviewed afterwards. */
const breakGlass = Type.Object(
  {
    id: word.id,
    reason: text,
    people: Type.Array(word.id, { minItems: 1, maxItems: 100, uniqueItems: true }),
    contracts: Type.Array(word.reference, { minItems: 1, maxItems: 100, uniqueItems: true }),
    targets: Type.Array(word.scopePattern, { minItems: 1, maxItems: 1000 }),
    window: Type.Object({ notBefore: word.utc, notAfter: word.utc }, closed),
    /** How many invocations it serves. */
    uses: Type.Integer({ minimum: 1, maximum: 100 }),
    /** How long after its use an independent person has to have reviewed it. */
    reviewWithin: word.duration,
    reviewers: Type.Array(word.id, { minItems: 1, maxItems: 100, uniqueItems: true }),
  },
  closed,
);

/** An engagement: who may do what to which targets, when and why (design section 1, `spec/engagement.md`). */
export const engagementSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Engagement"),
    id: word.id,
    version: word.version,
    title: text,
    owner: word.id,
    objective: text,
    ticket: Type.Optional(text),
    environment: Type.Enum([...word.environments]),
    classification: Type.Enum([...word.classifications]),
    window: Type.Object({ notBefore: word.utc, notAfter: word.utc }, closed),
    principals: Type.Array(
      Type.Object(
        { id: word.id, roles: Type.Array(Type.Enum([...word.roles]), { minItems: 1, uniqueItems: true }) },
        closed,
      ),
      { minItems: 1, maxItems: 1000 },
    ),
    scope: Type.Object(
      {
        include: Type.Array(word.scopePattern, { minItems: 1, maxItems: 10_000 }),
        exclude: Type.Optional(Type.Array(word.scopePattern, { maxItems: 10_000 })),
      },
      closed,
    ),
    authorizations: Type.Array(targetAuthorization, { maxItems: 1000 }),
    /** Required when `environment` is `lab`: the terms under which results are operational input. */
    lab: Type.Optional(exceptionTerms),
    bypass: Type.Optional(scopeBypass),
    breakGlass: Type.Optional(Type.Array(breakGlass, { maxItems: 100 })),
    /** Who can open what is sealed: evidence of sensitivity `secret` is encrypted to them before it is stored. */
    evidence: Type.Optional(
      Type.Object(
        {
          recipients: Type.Array(word.ageRecipient, {
            minItems: 1,
            maxItems: word.MAX_RECIPIENTS,
            uniqueItems: true,
          }),
        },
        closed,
      ),
    ),
    identityFloor: Type.Optional(Type.Object({ refuseFreeMail: Type.Optional(Type.Boolean()) }, closed)),
  },
  { ...closed, title: "WitnessOps engagement" },
);

export type Engagement = Static<typeof engagementSchema>;
export type BreakGlass = Static<typeof breakGlass>;
export type TargetAuthorization = Engagement["authorizations"][number];
