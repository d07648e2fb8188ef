import { existsSync } from "node:fs";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import { readPublicKeyFile } from "../store/key-file.ts";
import { passphrase } from "./passphrase.ts";

/** A public key from the command line: a key file, or the base64 text that documents carry. */
export function publicKeyFrom(text: string): PublicKey {
  if (/^[A-Za-z0-9+/]{40,}=*$/.test(text) && !existsSync(text)) return parsePublicKey(text);
  return readPublicKeyFile(text, { passphrase: passphrase() });
}
