import Type, { type Static } from "typebox";

/** `_type` of an in-toto Statement v1. */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Predicate types, fixed in `spec/receipt.md`, `spec/engagement.md` and `spec/bundle.md`. */
export const RECEIPT_PREDICATE = "https://witnessops.dev/receipt/v1";
export const KEY_CERTIFICATE_PREDICATE = "https://witnessops.dev/key-certificate/v1";
export const ROOT_CERTIFICATE_PREDICATE = "https://witnessops.dev/root-certificate/v1";
export const AUTHORIZATION_PREDICATE = "https://witnessops.dev/authorization/v1";
export const CLAIM_PREDICATE = "https://witnessops.dev/bundle-claim/v1";
/** Payload types of the statements that people sign (design section 6). */
export const APPROVAL_PAYLOAD_TYPE = "application/vnd.witnessops.approval.v1+json";
export const RESOLUTION_PAYLOAD_TYPE = "application/vnd.witnessops.resolution.v1+json";
export const ANSWER_PAYLOAD_TYPE = "application/vnd.witnessops.answer.v1+json";
export const BREAK_GLASS_PAYLOAD_TYPE = "application/vnd.witnessops.break-glass.v1+json";
export const REVIEW_PAYLOAD_TYPE = "application/vnd.witnessops.review.v1+json";
export const CONCLUSION_PAYLOAD_TYPE = "application/vnd.witnessops.conclusion.v1+json";
export const WITHDRAWAL_PAYLOAD_TYPE = "application/vnd.witnessops.withdrawal.v1+json";
export const KEY_REVOCATION_PAYLOAD_TYPE = "application/vnd.witnessops.key-revocation.v1+json";
/**
 * SSH namespace of each statement that people sign, one for each purpose: a signature made for another, a commit or a
 * login, never passes as one of these (design section 6, OpenSSH PROTOCOL.sshsig).
 */
export const SSH_NAMESPACES: ReadonlyMap<string, string> = new Map([
  [APPROVAL_PAYLOAD_TYPE, "approval.v1@witnessops.dev"],
  [RESOLUTION_PAYLOAD_TYPE, "resolution.v1@witnessops.dev"],
  [ANSWER_PAYLOAD_TYPE, "answer.v1@witnessops.dev"],
  [BREAK_GLASS_PAYLOAD_TYPE, "break-glass.v1@witnessops.dev"],
  [REVIEW_PAYLOAD_TYPE, "review.v1@witnessops.dev"],
  [CONCLUSION_PAYLOAD_TYPE, "conclusion.v1@witnessops.dev"],
  [WITHDRAWAL_PAYLOAD_TYPE, "withdrawal.v1@witnessops.dev"],
  [KEY_REVOCATION_PAYLOAD_TYPE, "key-revocation.v1@witnessops.dev"],
]);

const closed = { additionalProperties: false } as const;

/** One in-toto subject: a name and the SHA-256 of the bytes, hex. */
export const subjectSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 512 }),
    digest: Type.Object({ sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }) }, closed),
  },
  closed,
);
export type Subject = Static<typeof subjectSchema>;

/** An in-toto Statement v1 (spec v1.0, statement.md) around a predicate. */
export interface Statement<P> {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: P;
}
