import { fromBase64 } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import { parseX509, type X509Certificate } from "./x509.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text (RFC 7468), in its order; what stands around them is left out.
 *
 * @throws FormatError `BASE64_MALFORMED`, `DER_MALFORMED`; `KEY_MALFORMED` when there is none.
 */
export function certificatesFromPem(text: string): X509Certificate[] {
  const found = [...text.matchAll(BLOCK)].map(([, inside = ""]) =>
    parseX509(fromBase64(inside.replace(/\s+/g, ""))),
  );
  if (found.length > 0) return found;
  throw new FormatError({
    code: "KEY_MALFORMED",
    message: "there is no certificate in it",
    hint: "it is PEM: `-----BEGIN CERTIFICATE-----`",
  });
}
