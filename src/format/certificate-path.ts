import { sameBytes } from "./der-reader.ts";
import { isSameCertificate, isSignedBy, keyUsages, type X509Certificate } from "./x509.ts";

const MAX_PATH = 8;
/** Certificates with one name may be many, and each is tried: not without end. */
const MAX_SIGNATURES = 64;

/**
 * How a certificate hangs together with the authorities that somebody trusts: `trusted`; `broken` when the names
 * of issuers, followed upwards, come to one of them, and no path holds; `foreign` when they do not.
 */
export type PathResult =
  | { readonly state: "trusted" }
  | { readonly state: "broken"; readonly why: string }
  | { readonly state: "foreign" };

/**
 * Looks for a path (RFC 5280, 6, without names, policies and revocation) from a certificate to one of the anchors that
 * is an authority. What an end entity must be is the caller's matter.
 *
 * @param pool certificates that may stand between, from anywhere: nothing is believed of them but what an anchor signed.
 * @param anchors certificates that are trusted; those that are no authority serve as part of the pool.
 * @param at milliseconds since the epoch: when all of the path must be valid.
 */
export async function findPath(
  leaf: X509Certificate,
  pool: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  at: number,
): Promise<PathResult> {
  const search: Search = {
    candidates: distinct([...anchors, ...pool]),
    anchors,
    at,
    left: MAX_SIGNATURES,
    why: undefined,
  };
  if (await extend([leaf], search)) return { state: "trusted" };
  if (!isNamed(leaf, search)) return { state: "foreign" };
  return { state: "broken", why: search.why ?? "its path is too long" };
}

interface Search {
  readonly candidates: readonly X509Certificate[];
  readonly anchors: readonly X509Certificate[];
  readonly at: number;
  /** Signatures that may still be verified. */
  left: number;
  /** Why a step did not hold; the first that was found. */
  why: string | undefined;
}

/** Whether the path so far, of which the leaf comes first, can be continued to an anchor. */
async function extend(path: readonly X509Certificate[], search: Search): Promise<boolean> {
  const last = path.at(-1);
  if (last === undefined || path.length >= MAX_PATH) return false;
  for (const issuer of search.candidates) {
    if (!sameBytes(issuer.subject, last.issuer) || path.some((one) => isSameCertificate(one, issuer)))
      continue;
    const isAnchor = search.anchors.some((anchor) => isSameCertificate(anchor, issuer));
    const why = await refusal(path, last, issuer, search);
    if (why !== undefined) search.why ??= why;
    else if (isAnchor || (await extend([...path, issuer], search))) return true;
  }
  return false;
}

/** Why a certificate cannot be the issuer of the path's last; undefined when it is. */
async function refusal(
  path: readonly X509Certificate[],
  last: X509Certificate,
  issuer: X509Certificate,
  search: Search,
): Promise<string | undefined> {
  if (issuer.authority === undefined) return "an issuer is no certificate authority";
  const below = path.length - 1;
  if ((issuer.authority.pathLength ?? below) < below) return "an issuer may not have so many below it";
  if (issuer.keyUsage !== undefined && (issuer.keyUsage & keyUsages.keyCertSign) === 0)
    return "an issuer's key may not sign certificates";
  if (issuer.unknownCritical) return "an issuer has a critical extension that is not understood";
  if (!isValidAtTime(last, search.at) || !isValidAtTime(issuer, search.at))
    return "a certificate of the path was not valid at that time";
  search.left -= 1;
  if (search.left < 0) return "there are too many certificates with one name";
  return (await isSignedBy(last, issuer))
    ? undefined
    : "a certificate is not signed by the issuer that it names";
}

/** Whether the certificate is valid at a time, in milliseconds since the epoch. Fractions of its last second count. */
export function isValidAtTime({ notBefore, notAfter }: X509Certificate, at: number): boolean {
  return notBefore <= at && at < notAfter + 1000;
}

/** Whether the names of issuers, followed upwards, come to one of the anchors' authorities. */
function isNamed(leaf: X509Certificate, { candidates, anchors }: Search): boolean {
  const authorities = anchors.filter(({ authority }) => authority !== undefined);
  const wanted = [leaf.issuer];
  for (const name of wanted) {
    if (authorities.some(({ subject }) => sameBytes(subject, name))) return true;
    for (const { subject, issuer } of candidates)
      if (sameBytes(subject, name) && !wanted.some((known) => sameBytes(known, issuer))) wanted.push(issuer);
  }
  return false;
}

function distinct(certificates: readonly X509Certificate[]): X509Certificate[] {
  return certificates.filter(
    (one, index) => certificates.findIndex((other) => isSameCertificate(one, other)) === index,
  );
}
