import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { noteKeyOf, noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";
import type { Signer } from "../format/signer.ts";
import { openWitnesses } from "../infrastructure/witness/http-witnesses.ts";
import type { LogFolder } from "../ledger/log-folder.ts";
import { type DrivenLog, driveLog } from "../run/lane-log.ts";
import type { LeaseOwner, Store } from "../run/store.ts";
import { createKeyFile, openKeyFile } from "../store/key-file.ts";
import { KeyFileError } from "../store/key-file-error.ts";
import { openLogFolder } from "../store/log-folder.ts";
import type { Workspace } from "../store/workspace-file.ts";

/** Where a workspace keeps its log's key: it signs nothing but checkpoints. */
export function logKeyPath(root: string): string {
  return join(root, ".witnessops", "keys", "log.pem");
}

/** Where a workspace keeps its log as static files. */
export function logFolderPath(root: string): string {
  return join(root, ".witnessops", "log");
}

/** A log with the connections that it must be closed with. */
export interface OpenLog {
  readonly log: DrivenLog;
  close(): void;
}

/** The folders that a workspace's log is published in, its own first. */
export function logFolders(root: string, { log }: Pick<Workspace, "log">): [LogFolder, ...LogFolder[]] {
  const own = openLogFolder(logFolderPath(root), { isPrivate: true });
  return log?.publish === undefined ? [own] : [own, openLogFolder(resolve(root, log.publish))];
}

/**
 * Opens the transparency log that `witnessops.yaml` names; undefined when it names none. Its key is made the first time.
 *
 * @param options.extraCa PEM of further certificate authorities, for witnesses.
 * @throws KeyFileError; FormatError for a witness's key that cannot be read.
 */
export function openLog(
  root: string,
  { log: config }: Pick<Workspace, "log">,
  store: Store,
  owner: LeaseOwner,
  {
    extraCa,
    sleep,
  }: { readonly extraCa: string | undefined; readonly sleep: (millis: number) => Promise<unknown> },
): OpenLog | undefined {
  if (config === undefined) return undefined;
  const signer = takeLogKey(logKeyPath(root));
  const folders = logFolders(root, { log: config });
  const asked = (config.witnesses ?? []).map(({ key, url }) => ({ key: parseNoteKey(key), url }));
  const witnesses = asked.length === 0 ? undefined : openWitnesses(asked, { quorum: config.quorum, extraCa });
  const log = driveLog(
    {
      key: noteKeyOf(config.origin, signer.publicKey, noteKeyTypes.ed25519),
      signer,
      store: store.log,
      folders,
      ...(witnesses === undefined ? {} : { witnesses }),
    },
    folders[0],
    store,
    owner,
    { isPromised: config.promise ?? true, sleep },
  );
  return { log, close: () => witnesses?.close() };
}

function takeLogKey(path: string): Signer {
  if (existsSync(path)) return openKeyFile(path);
  try {
    return createKeyFile(path);
  } catch (error) {
    // Another process made it in this instant.
    if (error instanceof KeyFileError && error.code === "KEY_FILE_EXISTS") return openKeyFile(path);
    throw error;
  }
}
