import { checkSchema } from "../contract/check-schema.ts";
import { type KeyCertificate, keyCertificateSchema } from "../contract/signed-statements.ts";
import { parseJson } from "../format/canonical-json.ts";
import { type Envelope, envelopeFromJson } from "../format/dsse.ts";
import { isJsonObject } from "../format/json.ts";
import { parsePublicKey } from "../format/public-key.ts";
import { CliError } from "./cli-error.ts";
import { readJsonObject } from "./read-input.ts";

/**
 * Reads the certificate of an issuer key that was made elsewhere. Who signed it is for its user to check.
 *
 * @throws CliError `INPUT_MALFORMED`; FormatError `ENVELOPE_MALFORMED`.
 */
export function readCertificate(path: string): { readonly keyId: string; readonly envelope: Envelope } {
  const envelope = envelopeFromJson(readJsonObject(path));
  const statement = parsed(envelope.payload);
  const predicate = isJsonObject(statement) ? statement.predicate : undefined;
  if (checkSchema(keyCertificateSchema, predicate).length > 0)
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${path}\` is no certificate of an issuer key`,
      hint: "witnessops key certify <request> --root <key> --out <file>",
    });
  // The id follows from the key: the one that stands beside it is not asked.
  const { publicKey } = predicate as unknown as KeyCertificate;
  return { keyId: parsePublicKey(publicKey).keyId, envelope };
}

function parsed(payload: Uint8Array) {
  try {
    return parseJson(payload);
  } catch {
    return null;
  }
}
