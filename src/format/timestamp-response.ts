import { FormatError } from "./coded-error.ts";
import type { HashName } from "./crypto.ts";
import { DerReader, derTags } from "./der-reader.ts";
import { readHash, readScheme, type SignatureScheme } from "./x509-algorithm.ts";

/** A TimeStampResp (RFC 3161, 2.4.2) that grants a token, taken apart. Nothing is verified. */
export interface TimestampResponse {
  /** The TSTInfo's bytes, which `signer.messageDigest` is about. */
  readonly content: Uint8Array;
  readonly info: TimestampInfo;
  readonly signer: TimestampSigner;
  /** DER of the certificates that came with it, in any order. */
  readonly certificates: readonly Uint8Array[];
}

/** What the authority states (TSTInfo). */
export interface TimestampInfo {
  /** Undefined for a hash that is not known here. */
  readonly hash: HashName | undefined;
  /** Digest of what was stamped. */
  readonly imprint: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly genTime: number;
  /** Milliseconds, rounded up; 0 when the authority does not say. */
  readonly accuracy: number;
  /** Content of the INTEGER; undefined when there is none. */
  readonly nonce: Uint8Array | undefined;
}

/** Who signed it, and how (CMS SignerInfo, RFC 5652). */
export interface TimestampSigner {
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
  readonly serial: Uint8Array;
  readonly hash: HashName | undefined;
  readonly scheme: SignatureScheme | undefined;
  /** DER of the signed attributes as a SET: what is signed. */
  readonly signed: Uint8Array;
  readonly messageDigest: Uint8Array;
  /** The certificate by its hash (RFC 5035); undefined when the signer does not say. */
  readonly certificate: CertificateHash | undefined;
  readonly signature: Uint8Array;
}

/** First ESSCertIDv2 of the attribute signingCertificateV2. */
export interface CertificateHash {
  readonly hash: HashName | undefined;
  readonly digest: Uint8Array;
  readonly issuer: Uint8Array | undefined;
  readonly serial: Uint8Array | undefined;
}

/** Most bytes of a response. */
export const MAX_TIMESTAMP_BYTES = 65_536;
const MAX_CERTIFICATES = 16;
const MAX_ELEMENTS = 100;
const SIGNED_DATA = "1.2.840.113549.1.7.2";
const TST_INFO = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const CONTEXT = {
  constructed0: 0xa0,
  constructed1: 0xa1,
  directoryName: 0xa4,
  primitive0: 0x80,
  primitive1: 0x81,
} as const;

/**
 * Takes a response apart: granted, one SignedData of version 3 over one TSTInfo of version 1, one SignerInfo.
 *
 * @throws FormatError `DER_MALFORMED` when it is not that, `DER_UNSUPPORTED` for a signer named by key identifier.
 */
export function parseTimestampResponse(bytes: Uint8Array): TimestampResponse {
  if (bytes.length > MAX_TIMESTAMP_BYTES) throw malformed(`it has more than ${MAX_TIMESTAMP_BYTES} bytes`);
  const outer = new DerReader(bytes);
  const response = outer.inside(derTags.sequence);
  outer.end();
  const granted = response.inside(derTags.sequence).count();
  if (granted > 1) throw malformed(`the authority refused, with status ${granted}`);
  const contentInfo = response.inside(derTags.sequence);
  response.end();
  if (contentInfo.oid() !== SIGNED_DATA) throw malformed("it is not signed data");
  const explicit = contentInfo.inside(CONTEXT.constructed0);
  contentInfo.end();
  const data = explicit.inside(derTags.sequence);
  explicit.end();
  if (data.count() !== 3) throw malformed("its signed data are not of version 3");
  data.element(derTags.set);
  const encapsulated = data.inside(derTags.sequence);
  if (encapsulated.oid() !== TST_INFO) throw malformed("its content is no time-stamp");
  const octets = encapsulated.inside(CONTEXT.constructed0);
  encapsulated.end();
  const { content } = octets.element(derTags.octetString);
  octets.end();
  const certificates = data
    .optionalInside(CONTEXT.constructed0)
    ?.each(MAX_CERTIFICATES, (list) => list.element().whole);
  data.optional(CONTEXT.constructed1);
  const signers = data.inside(derTags.set);
  data.end();
  const signer = readSigner(signers);
  signers.end();
  return { content, info: readInfo(content), signer, certificates: certificates ?? [] };
}

function readInfo(content: Uint8Array): TimestampInfo {
  const outer = new DerReader(content);
  const info = outer.inside(derTags.sequence);
  outer.end();
  if (info.count() !== 1) throw malformed("its time-stamp is not of version 1");
  info.oid();
  const messageImprint = info.inside(derTags.sequence);
  const hash = readHash(messageImprint);
  const imprint = messageImprint.element(derTags.octetString).content;
  messageImprint.end();
  info.integer();
  if (!info.is(derTags.generalizedTime)) throw malformed("its time is not a generalized time");
  const genTime = info.time();
  const accuracy = readAccuracy(info.optionalInside(derTags.sequence));
  if (info.is(derTags.boolean)) info.boolean();
  const nonce = info.is(derTags.integer) ? info.integer() : undefined;
  info.optional(CONTEXT.constructed0);
  info.optionalInside(CONTEXT.constructed1)?.each(MAX_ELEMENTS, (list) => {
    const extension = list.inside(derTags.sequence);
    extension.oid();
    if (extension.is(derTags.boolean) && extension.boolean())
      throw malformed("it has a critical extension that is not understood");
    extension.element(derTags.octetString);
    extension.end();
  });
  info.end();
  return { hash, imprint, genTime, accuracy, nonce };
}

/** In milliseconds, rounded up. */
function readAccuracy(accuracy: DerReader | undefined): number {
  if (accuracy === undefined) return 0;
  const seconds = accuracy.is(derTags.integer) ? accuracy.count() : 0;
  const millis = accuracy.is(CONTEXT.primitive0) ? accuracy.count(CONTEXT.primitive0) : 0;
  const micros = accuracy.is(CONTEXT.primitive1) ? accuracy.count(CONTEXT.primitive1) : 0;
  accuracy.end();
  if (millis > 999 || micros > 999) throw malformed("its accuracy is out of range");
  return seconds * 1000 + millis + Math.ceil(micros / 1000);
}

function readSigner(signers: DerReader): TimestampSigner {
  const signer = signers.inside(derTags.sequence);
  const version = signer.count();
  if (version === 3)
    throw unsupported("its signer is named by key identifier, not by issuer and serial number");
  if (version !== 1) throw malformed("its signer information is not of version 1");
  const named = signer.inside(derTags.sequence);
  const issuer = named.element(derTags.sequence).whole;
  const serial = named.integer();
  named.end();
  const hash = readHash(signer);
  const attributes = signer.element(CONTEXT.constructed0);
  const scheme = readScheme(signer);
  const signature = signer.element(derTags.octetString).content;
  signer.optional(CONTEXT.constructed1);
  signer.end();
  const values = readAttributes(attributes.content);
  const contentType = values.get(CONTENT_TYPE);
  if (contentType === undefined || new DerReader(contentType).oid() !== TST_INFO)
    throw malformed("it is not signed as a time-stamp");
  const messageDigest = values.get(MESSAGE_DIGEST);
  if (messageDigest === undefined) throw malformed("its signed attributes lack the digest of its content");
  const certificate = values.get(SIGNING_CERTIFICATE_V2);
  // What is signed is the set as such, not the implicit tag that it has here (RFC 5652, 5.4).
  const signed = Uint8Array.from(attributes.whole);
  signed[0] = derTags.set;
  return {
    issuer,
    serial,
    hash,
    scheme,
    signed,
    messageDigest: new DerReader(messageDigest).element(derTags.octetString).content,
    certificate: certificate && readCertificateHash(new DerReader(certificate)),
    signature,
  };
}

/** The one value of each attribute, by its type. */
function readAttributes(content: Uint8Array): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  new DerReader(content).each(MAX_ELEMENTS, (list) => {
    const attribute = list.inside(derTags.sequence);
    const type = attribute.oid();
    const set = attribute.element(derTags.set).content;
    attribute.end();
    if (values.has(type)) throw malformed("a signed attribute stands twice");
    const one = new DerReader(set);
    if (!READ_ATTRIBUTES.has(type)) return;
    values.set(type, one.element().whole);
    one.end();
  });
  return values;
}

const READ_ATTRIBUTES: ReadonlySet<string> = new Set([CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2]);

function readCertificateHash(value: DerReader): CertificateHash {
  const signingCertificate = value.inside(derTags.sequence);
  value.end();
  const id = signingCertificate.inside(derTags.sequence).inside(derTags.sequence);
  const hash = id.is(derTags.sequence) ? readHash(id) : "sha256";
  const digest = id.element(derTags.octetString).content;
  const issuerSerial = id.optionalInside(derTags.sequence);
  id.end();
  if (issuerSerial === undefined) return { hash, digest, issuer: undefined, serial: undefined };
  const names = issuerSerial.inside(derTags.sequence);
  const directoryName = names.inside(CONTEXT.directoryName);
  names.end();
  const issuer = directoryName.element(derTags.sequence).whole;
  directoryName.end();
  const serial = issuerSerial.integer();
  issuerSerial.end();
  return { hash, digest, issuer, serial };
}

function malformed(why: string): FormatError {
  return new FormatError({ code: "DER_MALFORMED", message: `this is no time-stamp: ${why}` });
}

function unsupported(why: string): FormatError {
  return new FormatError({ code: "DER_UNSUPPORTED", message: `this time-stamp is not checked here: ${why}` });
}
