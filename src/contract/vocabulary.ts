import Type, { type Static } from "typebox";
import { DURATION_PATTERN, SIZE_PATTERN } from "../format/duration.ts";

/** Options that make an object schema refuse members it does not name. */
export const closed = { additionalProperties: false } as const;

export const effects = ["read", "write", "intrusive", "destructive"] as const;
export const idempotencies = ["safe", "idempotent", "unsafe"] as const;
export const sensitivities = ["public", "internal", "confidential", "secret"] as const;
export const classifications = ["public", "internal", "confidential", "restricted"] as const;
export const principalKinds = ["human", "agent", "service"] as const;
export const roles = ["operator", "approver", "owner", "system"] as const;
export const failureModes = ["stop", "continue", "hold", "escalate"] as const;
export const environments = ["lab", "production"] as const;
export const sides = ["external", "witnessops", "operator"] as const;

export type Idempotency = (typeof idempotencies)[number];
export type Sensitivity = (typeof sensitivities)[number];
export type Classification = (typeof classifications)[number];
export type PrincipalKind = (typeof principalKinds)[number];
export type Role = (typeof roles)[number];
export type FailureMode = (typeof failureModes)[number];
export type Environment = (typeof environments)[number];
/** Whose part failed. */
export type Side = (typeof sides)[number];

export const apiVersion = Type.Literal("witnessops/v1");
export const id = Type.String({
  pattern: "^[a-z][a-z0-9]*([.-][a-z0-9]+)*$",
  maxLength: 100,
  description: "an id like `tls.inspect`: lower-case letters and digits, joined by `.` or `-`",
});
export const version = Type.String({
  pattern: "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$",
  maxLength: 40,
  description: "a version like `1.0.0`",
});
/** `id@version`. */
export const reference = Type.String({
  pattern: "^[a-z][a-z0-9]*([.-][a-z0-9]+)*@(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$",
  maxLength: 160,
  description: "a reference like `tls.inspect@1.0.0`",
});
export const text = Type.String({ minLength: 1, maxLength: 4000 });
export const duration = Type.String({
  pattern: DURATION_PATTERN,
  description: "a whole number and ms, s, m, h or d",
});
export const size = Type.String({
  pattern: SIZE_PATTERN,
  description: "a whole number and B, kB, MB, GB, KiB, MiB or GiB",
});
export const utc = Type.String({
  pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$",
  description: "a UTC instant, RFC 3339",
});
export const digest = Type.String({
  pattern: "^sha256:[0-9a-f]{64}$",
  description: "a digest: `sha256:` and 64 hex digits",
});
/** A public key that a principal signs with, as text. */
export const principalKey = Type.String({
  minLength: 40,
  maxLength: 3000,
  pattern: "^((ssh|ecdsa|sk)-[a-z0-9@.-]+ )?[A-Za-z0-9+/]+=*$",
  description: "base64 of a public key (SPKI), or `<type> <base64>` of an SSH public key",
});
/** What makes a key a passkey: its credential, and where it may be used (WebAuthn). */
export const passkey = Type.Object(
  {
    credentialId: Type.String({ pattern: "^[A-Za-z0-9_-]{8,1400}$" }),
    rpId: Type.String({ pattern: "^[a-z0-9.-]+$", minLength: 1, maxLength: 253 }),
    origins: Type.Array(Type.String({ pattern: "^https?://[^/\\s]+$", maxLength: 300 }), {
      minItems: 1,
      maxItems: 10,
    }),
  },
  closed,
);
/** Most recipients that evidence is sealed to. */
export const MAX_RECIPIENTS = 20;
/** A native X25519 recipient of age. */
export const ageRecipient = Type.String({
  pattern: "^age1[02-9ac-hj-np-z]{58}$",
  description: "an age recipient, `age1…`",
});
/** A CEL expression (no clock, RE2, bounded size). */
export const cel = Type.String({ minLength: 1, maxLength: 4000, description: "a CEL expression" });
/** A JSON Schema (2020-12) for inputs or outputs. Checked further by `data-schema.ts`. */
export const dataSchema = Type.Unsafe<{ type: "object"; [keyword: string]: unknown }>(
  Type.Object({ type: Type.Literal("object") }, { additionalProperties: true }),
);
/** A scope pattern as text, `kind:value` (spec/scope.md). */
export const scopePattern = Type.String({
  minLength: 3,
  maxLength: 2100,
  pattern: "^[a-z][a-z0-9-]*:.+$",
  description: "a scope pattern like `host:*.example.com`",
});

const quorum = {
  quorum: Type.Integer({ minimum: 1, maximum: 20 }),
  roles: Type.Array(Type.Enum([...roles]), { minItems: 1, uniqueItems: true }),
};
/**
 * Who must approve before an action runs. With `groups` each of them is filled by people of its own: two approvers and
 * one owner are three people.
 */
export const approvalRule = Type.Union([
  Type.Literal("none"),
  Type.Literal("self"),
  Type.Literal("designated"),
  Type.Object({ ...quorum, expiresIn: Type.Optional(duration) }, closed),
  Type.Object(
    {
      groups: Type.Array(Type.Object(quorum, closed), { minItems: 1, maxItems: 10 }),
      expiresIn: Type.Optional(duration),
    },
    closed,
  ),
]);
export type ApprovalRule = Static<typeof approvalRule>;
