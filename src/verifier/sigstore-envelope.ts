import Type, { type TSchema } from "typebox";
import { fromBase64 } from "../format/base64.ts";
import { FormatError } from "../format/coded-error.ts";
import type { Digest } from "../format/digest.ts";
import { type Envelope, envelopeDigest, envelopeFromJson, IN_TOTO_PAYLOAD_TYPE } from "../format/dsse.ts";
import type { Json } from "../format/json.ts";
import { STATEMENT_TYPE, type Statement, type Subject, subjectSchema } from "../format/statement.ts";
import { MAX_TIMESTAMP_BYTES } from "../format/timestamp-response.ts";
import { documentFaults, type Fault, parseDocument } from "./check-document.ts";

const closed = { additionalProperties: false } as const;

const MAX_TIMESTAMPS = 10;

/** A Sigstore bundle v0.3 as this version writes it: a public key hint, one DSSE signature, time-stamps, no log entry. */
const sigstoreBundleSchema = Type.Object(
  {
    mediaType: Type.Literal("application/vnd.dev.sigstore.bundle.v0.3+json"),
    verificationMaterial: Type.Object(
      {
        publicKey: Type.Object({ hint: Type.String({ maxLength: 200 }) }, closed),
        tlogEntries: Type.Array(Type.Unknown(), { maxItems: 0 }),
        timestampVerificationData: Type.Object(
          {
            rfc3161Timestamps: Type.Array(
              Type.Object(
                {
                  signedTimestamp: Type.String({
                    minLength: 1,
                    maxLength: 4 * Math.ceil(MAX_TIMESTAMP_BYTES / 3),
                  }),
                },
                closed,
              ),
              { maxItems: MAX_TIMESTAMPS },
            ),
          },
          closed,
        ),
      },
      closed,
    ),
    dsseEnvelope: Type.Unknown(),
  },
  closed,
);

const statementSchema = Type.Object(
  {
    _type: Type.Literal(STATEMENT_TYPE),
    subject: Type.Array(subjectSchema, { minItems: 1, maxItems: 1000 }),
    predicateType: Type.String({ maxLength: 200 }),
    predicate: Type.Unknown(),
  },
  closed,
);

/** A signed in-toto statement whose shape was checked, but not its signature. */
export interface SignedStatement<P> {
  readonly envelope: Envelope;
  /** SHA-256 over the pre-authentication bytes. */
  readonly digest: Digest;
  readonly subject: readonly Subject[];
  readonly predicate: P;
}

export type Read<T> = { readonly value: T } | { readonly faults: readonly Fault[] };

/** What a Sigstore bundle holds: an envelope, and what time stamping authorities said of its signature. */
interface Stamped {
  readonly envelope: Envelope;
  /** TimeStampResp, DER (RFC 3161); nothing of them was checked. */
  readonly timestamps: readonly Uint8Array[];
}

/** Takes envelope and time-stamps out of a Sigstore bundle. */
function readSigstoreBundle(value: Json): Read<Stamped> {
  const faults = documentFaults(sigstoreBundleSchema, value);
  if (faults.length > 0) return { faults };
  const bundle = value as unknown as {
    dsseEnvelope: Json;
    verificationMaterial: {
      publicKey: { hint: string };
      timestampVerificationData: { rfc3161Timestamps: readonly { signedTimestamp: string }[] };
    };
  };
  const envelope = readEnvelope(bundle.dsseEnvelope);
  if ("faults" in envelope) return envelope;
  const { publicKey, timestampVerificationData } = bundle.verificationMaterial;
  if (publicKey.hint !== envelope.value.signature.keyId) {
    const message = "the hint and the signature name two keys";
    return { faults: [{ code: "FAILURE_BUNDLE_MALFORMED", message }] };
  }
  const { rfc3161Timestamps } = timestampVerificationData;
  try {
    const timestamps = rfc3161Timestamps.map(({ signedTimestamp }) => fromBase64(signedTimestamp));
    return { value: { envelope: envelope.value, timestamps } };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { faults: [{ code: "FAILURE_BUNDLE_MALFORMED", message: `a time-stamp: ${error.message}` }] };
  }
}

/** A statement in a Sigstore bundle, with the time-stamps beside it. */
export type StampedStatement<P> = SignedStatement<P> & Pick<Stamped, "timestamps">;

/** Reads the in-toto statement in a Sigstore bundle; `schema` is the predicate's. */
export function readStampedStatement<P>(
  value: Json,
  predicateType: string,
  schema: TSchema,
): Read<StampedStatement<P>> {
  const bundle = readSigstoreBundle(value);
  if ("faults" in bundle) return bundle;
  const { envelope, timestamps } = bundle.value;
  const statement = readStatement<P>(envelope, predicateType, schema);
  return "faults" in statement ? statement : { value: { ...statement.value, timestamps } };
}

/** Reads a DSSE envelope with exactly one signature. */
export function readEnvelope(value: Json): Read<Envelope> {
  try {
    return { value: envelopeFromJson(value) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { faults: [{ code: "FAILURE_BUNDLE_MALFORMED", message: error.message }] };
  }
}

/** Reads the in-toto statement in an envelope; `schema` is the predicate's. */
export function readStatement<P>(
  envelope: Envelope,
  predicateType: string,
  schema: TSchema,
): Read<SignedStatement<P>> {
  if (envelope.payloadType !== IN_TOTO_PAYLOAD_TYPE) {
    return {
      faults: [{ code: "FAILURE_BUNDLE_MALFORMED", message: "the payload is not an in-toto statement" }],
    };
  }
  const parsed = parseDocument(envelope.payload);
  if ("fault" in parsed) return { faults: [parsed.fault] };
  const outer = documentFaults(statementSchema, parsed.value);
  if (outer.length > 0) return { faults: outer };
  const statement = parsed.value as unknown as Statement<P>;
  if (statement.predicateType !== predicateType) {
    const message = `the predicate type is not \`${predicateType}\``;
    return { faults: [{ code: "FAILURE_SCHEMA_VERSION_UNSUPPORTED", message }] };
  }
  const { subject, predicate } = statement;
  const faults = documentFaults(schema, predicate);
  if (faults.length > 0) return { faults };
  return { value: { envelope, digest: envelopeDigest(envelope), subject, predicate } };
}

/** Reads what a person signed: canonical JSON of `schema` under its own payload type. */
export function readPayload<T>(envelope: Envelope, payloadType: string, schema: TSchema): Read<T> {
  if (envelope.payloadType !== payloadType) {
    return {
      faults: [{ code: "FAILURE_BUNDLE_MALFORMED", message: `the payload type is not \`${payloadType}\`` }],
    };
  }
  const parsed = parseDocument(envelope.payload);
  if ("fault" in parsed) return { faults: [parsed.fault] };
  const faults = documentFaults(schema, parsed.value);
  return faults.length > 0 ? { faults } : { value: parsed.value as T };
}
