import { join } from "node:path";
import Type, { type Static } from "typebox";
import { checkSchema } from "../contract/check-schema.ts";
import * as word from "../contract/vocabulary.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { type PublicKey, parsePublicKey, publicKeyText } from "../format/public-key.ts";
import { utcFromMillis } from "../format/time.ts";
import type { Store } from "../run/store.ts";
import { CliError, refused } from "./cli-error.ts";
import { type KeyPlaces, keysFolder } from "./issuer-root.ts";
import { readJsonObject } from "./read-input.ts";
import { replaceFile } from "./write-file.ts";

/** What a workspace asks of an issuer root that is held elsewhere: a certificate for a key of its own. */
const keyRequestSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/key-request/v1"),
    /** Key id of the root that the workspace began with. */
    workspace: Type.String({ maxLength: 100 }),
    publicKey: Type.String({ pattern: "^[A-Za-z0-9+/]+=*$", maxLength: 400 }),
    keyId: Type.String({ maxLength: 100 }),
    requestedAt: word.utc,
  },
  word.closed,
);
export type KeyRequest = Static<typeof keyRequestSchema>;

/** Leaves a request for a certificate beside the key. @returns the refusal that says what to do with it. */
export function requestCertificate(
  store: Store,
  { root }: KeyPlaces,
  key: PublicKey,
  name: string,
): CliError {
  const path = join(keysFolder(root), `${name}.request.json`);
  const request: KeyRequest = {
    schema: "witnessops/key-request/v1",
    workspace: store.status("workspace") ?? "",
    publicKey: publicKeyText(key),
    keyId: key.keyId,
    requestedAt: utcFromMillis(Date.now()),
  };
  replaceFile(path, canonicalJson(request));
  return refused(
    `the issuer key ${key.keyId} has no certificate, and the issuer root is held elsewhere`,
    `where the root is: witnessops key certify ${path} --root <key> --out certificate.json; then here: witnessops key rotate --certificate certificate.json`,
  );
}

/** Reads a request. @throws CliError `INPUT_MALFORMED`; FormatError for a key that does not count. */
export function readKeyRequest(path: string): { readonly request: KeyRequest; readonly key: PublicKey } {
  const value = readJsonObject(path);
  const request = value as unknown as KeyRequest;
  if (checkSchema(keyRequestSchema, value).length > 0) throw notRequest(path);
  const key = parsePublicKey(request.publicKey);
  if (key.keyId !== request.keyId) throw notRequest(path);
  return { request, key };
}

function notRequest(path: string): CliError {
  return new CliError({
    code: "INPUT_MALFORMED",
    message: `\`${path}\` is not a request for a certificate`,
    hint: "witnessops key rotate",
  });
}
