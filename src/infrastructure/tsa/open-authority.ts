import { randomBytes } from "node:crypto";
import { findPath } from "../../format/certificate-path.ts";
import { hasNonce, timestampRequest } from "../../format/timestamp-request.ts";
import { verifyTimestamp } from "../../format/verify-timestamp.ts";
import type { X509Certificate } from "../../format/x509.ts";
import type { StampAnswer, TimeAuthority } from "../../run/trusted-time.ts";
import { askAuthority } from "./ask-authority.ts";

/** Where an authority is, and what it is known by. */
export interface AuthorityAddress {
  readonly name: string;
  /** `http:` or `https:`; what comes back is signed. */
  readonly url: string;
  /** Certificates that its tokens must chain to; undefined when nobody gave any: then a token is checked by itself. */
  readonly certificates: readonly X509Certificate[] | undefined;
  /** PEM of authorities that its HTTPS is checked with; undefined: the system's. */
  readonly ca: readonly string[] | undefined;
}

/** A time stamping authority over HTTP. A token that does not hold is never returned. */
export function openAuthority({ name, url, certificates, ca }: AuthorityAddress): TimeAuthority {
  return {
    name,
    async stamp(stamped, deadlineMs) {
      const nonce = randomNonce();
      const answer = await askAuthority(url, timestampRequest(stamped, nonce), deadlineMs, { ca });
      return answer.ok ? checked(answer.body, stamped, nonce, certificates) : answer;
    },
  };
}

async function checked(
  token: Uint8Array,
  stamped: Uint8Array,
  nonce: Uint8Array,
  certificates: readonly X509Certificate[] | undefined,
): Promise<StampAnswer> {
  const refused = (why: string): StampAnswer => ({ ok: false, why, isDown: false });
  const held = await verifyTimestamp(token, stamped, certificates);
  if (held.state !== "holds") return refused(held.why);
  if (!hasNonce(held.nonce, nonce)) return refused("its answer is to another request: the nonce differs");
  if (certificates !== undefined) {
    const path = await findPath(held.signer, held.certificates, certificates, held.genTime);
    if (path.state === "foreign")
      return refused("its signer is not of the authority that the workspace names");
    if (path.state === "broken") return refused(`its signer: ${path.why}`);
  }
  return { ok: true, token, notAfter: held.genTime + held.accuracy };
}

/** 64 random bits, the first of them set: DER knows no leading zero. */
function randomNonce(): Uint8Array {
  const nonce = new Uint8Array(randomBytes(8));
  nonce[0] = (nonce[0] ?? 0) | 0x80;
  return nonce;
}
