import { existsSync } from "node:fs";
import { type PublicKey, parsePublicKey, publicKeyText } from "../format/public-key.ts";
import type { Signer } from "../format/signer.ts";
import { utcFromMillis } from "../format/time.ts";
import { certifyRoot } from "../receipt/certify-key.ts";
import { recordRootRotated } from "../run/record-keys.ts";
import { createKeyFile, readPublicKeyFile } from "../store/key-file.ts";
import { refused, usage } from "./cli-error.ts";
import type { Result } from "./command.ts";
import { exit } from "./exit.ts";
import { finishRotation, keysFolder, nextRootPath, openIssuerRoot } from "./issuer-root.ts";
import type { OpenLane } from "./open-lane.ts";
import { passphrase } from "./passphrase.ts";
import { principalKeyFrom } from "./public-key-option.ts";

/**
 * The issuer root certifies the one that comes after it: one that the workspace makes and keeps, or one whose public key is
 * given. What the old root certified stays.
 *
 * @param given the root that holds now, when it was named for just this command.
 * @throws CliError `REFUSED` when it cannot be reached.
 */
export async function rotateRoot(
  { lane, definitions, places }: OpenLane,
  given: Signer | undefined,
  to: string | undefined,
): Promise<Result> {
  const root = await openIssuerRoot(lane.store, places, given);
  if (root === undefined)
    throw refused(
      "the issuer root is held elsewhere",
      "witnessops key rotate root --root <key> --to <public key>",
    );
  if (places.config?.root !== undefined && to === undefined)
    throw usage("`--to <public key>` is missing", "the root is held elsewhere: make the next one there");
  const next = to === undefined ? nextKept(keysFolder(places.root)) : plainKey(to);
  const previous = root.publicKey.keyId;
  if (next.keyId === previous) throw refused("the next root is the one that holds now", "make another key");
  const certificate = await certifyRoot(root, next, utcFromMillis(lane.clock()));
  const { owner } = definitions.workspace();
  const { digest } = await recordRootRotated(lane, owner, previous, next, certificate);
  if (to === undefined) finishRotation(lane.store, keysFolder(places.root));
  return {
    exit: exit.done,
    json: { previous, keyId: next.keyId, publicKey: publicKeyText(next), receipt: digest },
    print(out) {
      out.line(`${next.keyId} certifies issuer keys from now on; reviewers follow it from ${previous}`);
      if (to === undefined) return;
      out.line("Put into witnessops.yaml, unless it names a holder of that key:");
      out.line(`  keys: { root: { publicKey: ${publicKeyText(next)} } }`);
    },
  };
}

/** The next root in the workspace's own keeping; one that is left of a rotation that was cut short is taken. */
function nextKept(keys: string): PublicKey {
  const path = nextRootPath(keys);
  return existsSync(path)
    ? readPublicKeyFile(path, { passphrase: passphrase() })
    : createKeyFile(path).publicKey;
}

function plainKey(text: string): PublicKey {
  const { publicKey, isSsh } = principalKeyFrom(text);
  if (isSsh === true) throw usage("an issuer root is no SSH key", "witnessops key export <key>");
  return parsePublicKey(publicKey);
}
