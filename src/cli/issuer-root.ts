import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import type { Signer } from "../format/signer.ts";
import { keyStatus } from "../run/revoked-keys.ts";
import type { Store } from "../run/store.ts";
import { openKeyFile, readPublicKeyFile } from "../store/key-file.ts";
import type { WorkspaceKeys } from "../store/workspace-file.ts";
import { refused } from "./cli-error.ts";
import { isElsewhere, openHolder } from "./open-signer.ts";
import { passphrase } from "./passphrase.ts";

/** Where a workspace keeps its keys, and what `witnessops.yaml` says of those that it does not keep. */
export interface KeyPlaces {
  /** Folder of the workspace. */
  readonly root: string;
  readonly config: WorkspaceKeys | undefined;
}

/** Folder of the keys that a workspace keeps. */
export function keysFolder(root: string): string {
  return join(root, ".witnessops", "keys");
}

/** Where a workspace keeps the root that certifies issuer keys, unless it is held elsewhere. */
export function issuerRootPath(keys: string): string {
  return join(keys, "issuer-root.pem");
}

/** Where the next root waits until the ledger has its certificate. */
export function nextRootPath(keys: string): string {
  return join(keys, "issuer-root.next.pem");
}

/** The public half of the issuer root as the workspace holds it or `witnessops.yaml` names it. */
export async function issuerRootKey({ root, config }: KeyPlaces): Promise<PublicKey> {
  const holder = config?.root;
  if (holder === undefined)
    return readPublicKeyFile(issuerRootPath(keysFolder(root)), { passphrase: passphrase() });
  if (holder.publicKey !== undefined) return parsePublicKey(holder.publicKey);
  return (await openHolder(holder, root)).publicKey;
}

/**
 * Opens the issuer root to certify with; undefined when it is held where this host does not reach it.
 *
 * @param given a root that was named for just this command, instead of the configured one.
 * @throws CliError `REFUSED` when it is not the root that the ledger says holds, or was revoked; KeyFileError, SignerError.
 */
export async function openIssuerRoot(
  store: Store,
  { root, config }: KeyPlaces,
  given: Signer | undefined,
): Promise<Signer | undefined> {
  const holder = config?.root;
  if (given === undefined && holder !== undefined && isElsewhere(holder)) return undefined;
  const keys = keysFolder(root);
  if (holder === undefined) finishRotation(store, keys);
  const signer =
    given ??
    (holder === undefined
      ? openKeyFile(issuerRootPath(keys), { passphrase: passphrase() })
      : await openHolder(holder, root));
  const { keyId } = signer.publicKey;
  const now = store.status("issuer-root");
  if (now !== undefined && now !== keyId)
    throw refused(
      `the key ${keyId} is not the issuer root of this workspace`,
      `the root that holds is ${now}: name it, or correct \`keys.root\` in witnessops.yaml`,
    );
  if (keyStatus(store, keyId) !== undefined)
    throw refused(
      `the issuer root ${keyId} was revoked`,
      "make a new workspace: nothing can certify its keys",
    );
  return signer;
}

/** A root whose certificate the ledger has takes its place, also when the process that made it was killed. */
export function finishRotation(store: Store, keys: string): void {
  const next = nextRootPath(keys);
  if (!existsSync(next)) return;
  const { keyId } = readPublicKeyFile(next, { passphrase: passphrase() });
  if (store.status("issuer-root") === keyId) renameSync(next, issuerRootPath(keys));
}
