import { isValidAtTime } from "./certificate-path.ts";
import { FormatError } from "./coded-error.ts";
import { digestBytes, sha256, verifySignature } from "./crypto.ts";
import { sameBytes } from "./der-reader.ts";
import { parseTimestampResponse, type TimestampResponse } from "./timestamp-response.ts";
import { keyUsages, parseX509, TIME_STAMPING, type X509Certificate } from "./x509.ts";
import { signatureAlgorithmOf } from "./x509-algorithm.ts";

/** A token that holds by itself: somebody with the signer's key stated the time. Who that is, a path must show. */
export interface HeldTimestamp {
  readonly state: "holds";
  /** Milliseconds since the epoch. */
  readonly genTime: number;
  /** Milliseconds. */
  readonly accuracy: number;
  readonly nonce: Uint8Array | undefined;
  readonly signer: X509Certificate;
  /** The certificates that came with it. */
  readonly certificates: readonly X509Certificate[];
}

/** `broken`: it does not verify, whoever made it. `unchecked`: it cannot be judged here. */
export type TimestampCheck =
  | HeldTimestamp
  | { readonly state: "broken"; readonly why: string }
  | { readonly state: "unchecked"; readonly why: string };

/**
 * Checks an RFC 3161 response by itself (`spec/time.md`, 1 to 7): granted, about these bytes, signed by the certificate
 * that its signer names, which is one of a time stamping authority and was valid then. Never throws.
 *
 * @param stamped the bytes that it should be about: a DSSE signature.
 * @param known further certificates among which the signer's may be.
 */
export async function verifyTimestamp(
  response: Uint8Array,
  stamped: Uint8Array,
  known: readonly X509Certificate[] = [],
): Promise<TimestampCheck> {
  try {
    return await check(parseTimestampResponse(response), stamped, known);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { state: error.code === "DER_UNSUPPORTED" ? "unchecked" : "broken", why: error.message };
  }
}

async function check(
  response: TimestampResponse,
  stamped: Uint8Array,
  known: readonly X509Certificate[],
): Promise<TimestampCheck> {
  const { info, content, signer } = response;
  if (info.hash !== "sha256" || !sameBytes(info.imprint, sha256(stamped)))
    return broken("it is not about the SHA-256 of this signature");
  if (signer.hash === undefined) return unchecked("its digest algorithm is not known here");
  if (!sameBytes(await digestBytes(signer.hash, content), signer.messageDigest))
    return broken("its content is not what was signed");
  const certificates = response.certificates.map(parseX509);
  const found = await findSigner(response, [...certificates, ...known]);
  if (!("der" in found)) return found;
  const { genTime, accuracy, nonce } = info;
  const why = notAnAuthority(found, genTime);
  return why === undefined
    ? { state: "holds", genTime, accuracy, nonce, signer: found, certificates }
    : broken(why);
}

/** The certificate that the signer names, and whose key verifies the signature: never one by its place. */
async function findSigner(
  { signer }: TimestampResponse,
  candidates: readonly X509Certificate[],
): Promise<X509Certificate | { readonly state: "broken" | "unchecked"; readonly why: string }> {
  const { issuer, serial, certificate: ess } = signer;
  const named = candidates.filter((one) => sameBytes(one.issuer, issuer) && sameBytes(one.serial, serial));
  if (named.length === 0) return unchecked("the certificate that its signer names is not there");
  if (ess !== undefined && ess.hash === undefined)
    return unchecked("its certificate is named by an unknown hash");
  let isMeant = false;
  let isReadable = false;
  for (const one of named) {
    if (ess?.hash !== undefined) {
      if (!sameBytes(await digestBytes(ess.hash, one.der), ess.digest)) continue;
      if (ess.issuer !== undefined && !sameBytes(ess.issuer, one.issuer)) continue;
      if (ess.serial !== undefined && !sameBytes(ess.serial, one.serial)) continue;
    }
    isMeant = true;
    const algorithm = signatureAlgorithmOf(one.key, signer.scheme, signer.hash);
    if (algorithm === undefined) continue;
    isReadable = true;
    if (await verifySignature({ algorithm, spki: one.spki }, signer.signed, signer.signature)) return one;
  }
  if (!isMeant) return broken("no certificate has the hash by which its signer names it");
  return isReadable
    ? broken("its signature does not verify")
    : unchecked("its signature algorithm is not known here");
}

/** Why a certificate may not stamp at that time; undefined when it may. */
function notAnAuthority(signer: X509Certificate, at: number): string | undefined {
  const { extendedKeyUsage: usage, keyUsage } = signer;
  if (!isValidAtTime(signer, at)) return "its signer's certificate was not valid at that time";
  if (
    usage === undefined ||
    !usage.critical ||
    usage.purposes.length !== 1 ||
    usage.purposes[0] !== TIME_STAMPING
  )
    return "its signer's certificate is not for time-stamping alone";
  if (keyUsage !== undefined && (keyUsage & (keyUsages.digitalSignature | keyUsages.nonRepudiation)) === 0)
    return "its signer's key may not sign";
  return signer.unknownCritical
    ? "its signer's certificate has a critical extension that is not understood"
    : undefined;
}

function broken(why: string) {
  return { state: "broken", why } as const;
}

function unchecked(why: string) {
  return { state: "unchecked", why } as const;
}
