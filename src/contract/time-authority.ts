import { fromBase64 } from "../format/base64.ts";
import { FormatError } from "../format/coded-error.ts";
import { keyUsages, parseX509, type X509Certificate } from "../format/x509.ts";
import { ruleUnique, ruleWindow } from "./document-rules.ts";
import type { Inspection } from "./inspect-document.ts";
import type { Trust } from "./trust.ts";

/** One time stamping authority of a trust file. */
export type TimeAuthority = NonNullable<Trust["timeAuthorities"]>[number];

/** The certificates of an authority, as base64 of DER. @throws FormatError for one that cannot be read. */
export function certificatesOf({ certificates }: TimeAuthority): X509Certificate[] {
  return certificates.map((text) => parseX509(fromBase64(text)));
}

/** Whether a certificate may end a path: it issues others, by a key that is verified with here. */
export function isAuthority({ authority, key, keyUsage, unknownCritical }: X509Certificate): boolean {
  const signs = keyUsage === undefined || (keyUsage & keyUsages.keyCertSign) !== 0;
  return authority !== undefined && key !== undefined && signs && !unknownCritical;
}

/**
 * Reports time stamping authorities that nothing could chain to, that would count twice, or of which more are asked
 * for than there are.
 */
export function ruleAuthorities(trust: Inspection<Trust>): void {
  const authorities = trust.items("timeAuthorities");
  const at = (index: number, ...more: (string | number)[]) => ["timeAuthorities", index, ...more];
  ruleUnique(
    trust,
    authorities.map(([index, { name }]) => [at(index, "name"), name]),
    "time stamping authority",
  );
  ruleUnique(
    trust,
    authorities.flatMap(([index, { certificates }]) =>
      certificates.map((text, n) => [at(index, "certificates", n), text] as const),
    ),
    "certificate",
  );
  for (const [index, authority] of authorities) {
    ruleWindow(trust, at(index), authority);
    let issuers = 0;
    let isReadable = true;
    for (const [n, text] of authority.certificates.entries()) {
      try {
        if (isAuthority(parseX509(fromBase64(text)))) issuers += 1;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        isReadable = false;
        trust.report(at(index, "certificates", n), "value", `it is no certificate: ${error.message}`);
      }
    }
    if (isReadable && issuers === 0)
      trust.report(at(index, "certificates"), "value", "none of them is a certificate authority's");
  }
  const threshold = trust.part("timeThreshold");
  if (threshold !== undefined && threshold > authorities.length)
    trust.report(["timeThreshold"], "value", `there are only ${authorities.length} authorities`);
}
