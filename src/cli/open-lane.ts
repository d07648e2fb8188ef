import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openNetwork } from "../adapter/egress/guarded-network.ts";
import { adapters } from "../adapters/all.ts";
import type { CodedError } from "../format/coded-error.ts";
import type { Lane } from "../run/lane.ts";
import type { DrivenLog } from "../run/lane-log.ts";
import { PinnedDocuments } from "../run/pinned-documents.ts";
import { recordKeyCertified, recordWorkspaceCreated } from "../run/record-governance.ts";
import { RunStates } from "../run/run-states.ts";
import { openArtifactFolder } from "../store/artifact-folder.ts";
import { readPublicKeyFile } from "../store/key-file.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { startClock } from "./clock.ts";
import type { Context } from "./command.ts";
import { issuerRootPath, takeIssuerKey } from "./issuer-key.ts";
import { openWorkspace } from "./open-definitions.ts";
import { openLedger } from "./open-ledger.ts";
import { openLog } from "./open-log.ts";
import { randomHex } from "./random-hex.ts";
import { resolveSecret } from "./resolve-secret.ts";
import { workspaceRoot } from "./workspace-root.ts";

/** A lane over a workspace folder, with what it must be closed with. */
export interface OpenLane {
  readonly lane: Lane;
  readonly definitions: WorkspaceDefinitions;
  /** The workspace's log, when it has one. */
  readonly log: DrivenLog | undefined;
  /**
   * Makes a last checkpoint, gives back keys and leases and closes the ledger.
   *
   * @returns what kept receipts from being logged; undefined when all are.
   */
  close(): Promise<CodedError<string> | undefined>;
}

/**
 * Opens the governed path over a workspace: ledger, artifacts, definitions, adapters behind the egress guard, and an
 * issuer key of this process's own.
 *
 * @param options.origin how requests reach this process; stands in receipts. Default `cli`.
 * @param options.isNew the workspace was just made: its first receipt names the issuer root. Default false.
 */
export async function openLane(
  root: string,
  { origin = "cli", isNew = false }: { readonly origin?: string; readonly isNew?: boolean } = {},
): Promise<OpenLane> {
  const definitions = openWorkspace(root);
  const workspace = definitions.workspace();
  const { name, owner: workspaceOwner, network } = workspace;
  const extraCa =
    network?.extraCa === undefined ? undefined : readFileSync(resolve(root, network.extraCa), "utf8");
  const resolvers = network?.resolvers ?? [];
  const keys = join(root, ".witnessops", "keys");
  const store = openLedger(root);
  const leaseOwner = { pid: process.pid, token: randomBytes(16).toString("hex") };
  const owner = `process:${leaseOwner.token}`;
  const ending = new AbortController();
  const end = (): void => ending.abort();
  try {
    const [issuer] = await Promise.all([
      takeIssuerKey(store, keys, leaseOwner),
      store.acquireLease(owner, leaseOwner),
    ]);
    const issuerRoot = readPublicKeyFile(issuerRootPath(keys));
    const opened = openLog(root, workspace, store, leaseOwner, { extraCa, sleep: delay });
    const pinned = new PinnedDocuments(store);
    const lane: Lane = {
      store,
      files: openArtifactFolder(join(root, ".witnessops", "artifacts")),
      definitions,
      adapters,
      signer: issuer.signer,
      issuerRoot: issuerRoot.keyId,
      owner,
      clock: startClock(),
      sleep: (millis) => delay(millis, undefined, { signal: ending.signal }).catch(() => undefined),
      randomHex,
      openNetwork: (rules) =>
        openNetwork({ ...rules, resolvers, ...(extraCa === undefined ? {} : { extraCa }) }),
      resolveSecret: (reference) => resolveSecret(reference, root),
      signal: ending.signal,
      root,
      origin,
      ...(opened === undefined ? {} : { log: opened.log }),
      tails: new Map(),
      pinned,
      states: new RunStates(store, pinned),
      driving: new Map(),
    };
    if (isNew) await recordWorkspaceCreated(lane, workspaceOwner, name, issuerRoot);
    if (issuer.fresh !== undefined) {
      await recordKeyCertified(lane, workspaceOwner, issuer.fresh);
      issuer.certified();
    }
    await opened?.log.begin(lane, workspaceOwner);
    opened?.log.start();
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
    return {
      lane,
      definitions,
      log: opened?.log,
      async close() {
        const unlogged = await opened?.log.stop();
        opened?.close();
        process.off("SIGINT", end);
        process.off("SIGTERM", end);
        await Promise.all([
          store.releaseLease(issuer.lease, leaseOwner),
          store.releaseLease(owner, leaseOwner),
        ]);
        store.close();
        return unlogged;
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Opens the lane of the command's workspace, uses it and closes it. */
export async function withLane<T>(context: Context, use: (opened: OpenLane) => Promise<T>): Promise<T> {
  const opened = await openLane(workspaceRoot(context));
  try {
    return await use(opened);
  } finally {
    const unlogged = await opened.close();
    if (unlogged !== undefined) context.progress(`not logged yet: ${unlogged.message}`);
  }
}
