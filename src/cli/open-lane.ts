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
import { removeRetired } from "../run/remove-retired.ts";
import { RunStates } from "../run/run-states.ts";
import type { LeaseOwner } from "../run/store.ts";
import { openArtifactFolder } from "../store/artifact-folder.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { startClock } from "./clock.ts";
import type { Context } from "./command.ts";
import { type IssuerKeyOptions, takeIssuerKey } from "./issuer-key.ts";
import { issuerRootKey, type KeyPlaces } from "./issuer-root.ts";
import { openWorkspace } from "./open-definitions.ts";
import { openLedger } from "./open-ledger.ts";
import { openLog } from "./open-log.ts";
import { openTime } from "./open-time.ts";
import { randomHex } from "./random-hex.ts";
import { resolveSecret } from "./resolve-secret.ts";
import { stampNew } from "./stamp-new.ts";
import { workspaceRoot } from "./workspace-root.ts";

/** A lane over a workspace folder, with what it must be closed with. */
export interface OpenLane {
  readonly lane: Lane;
  readonly definitions: WorkspaceDefinitions;
  /** Where the workspace's keys are. */
  readonly places: KeyPlaces;
  /** Holds this process's leases. */
  readonly leaseOwner: LeaseOwner;
  /** The workspace's log, when it has one. */
  readonly log: DrivenLog | undefined;
  /**
   * Makes a last checkpoint, gives back keys and leases and closes the ledger.
   *
   * @returns what kept receipts from being logged; undefined when all are.
   */
  close(): Promise<CodedError<string> | undefined>;
}

export interface OpenLaneOptions {
  /** How requests reach this process; stands in receipts. Default `cli`. */
  readonly origin?: string;
  /** The workspace was just made: its first receipt names the issuer root. Default false. */
  readonly isNew?: boolean;
  /** Which issuer key is taken. Default: any that is free. */
  readonly issuer?: IssuerKeyOptions;
}

/**
 * Opens the governed path over a workspace: ledger, artifacts, definitions, adapters behind the egress guard, and an
 * issuer key of this process's own.
 *
 * @throws CliError `REFUSED` when no issuer key can be had; KeyFileError, SignerError.
 */
export async function openLane(
  root: string,
  { origin = "cli", isNew = false, issuer: wanted }: OpenLaneOptions = {},
): Promise<OpenLane> {
  const definitions = openWorkspace(root);
  const workspaceFile = definitions.workspace();
  const { name, owner: workspaceOwner, network, keys: config } = workspaceFile;
  const extraCa =
    network?.extraCa === undefined ? undefined : readFileSync(resolve(root, network.extraCa), "utf8");
  const resolvers = network?.resolvers ?? [];
  const places = { root, config };
  const store = openLedger(root);
  const leaseOwner = { pid: process.pid, token: randomBytes(16).toString("hex") };
  const owner = `process:${leaseOwner.token}`;
  const ending = new AbortController();
  const end = (): void => ending.abort();
  try {
    const [issuer] = await Promise.all([
      takeIssuerKey(store, places, leaseOwner, wanted),
      store.acquireLease(owner, leaseOwner),
    ]);
    const issuerRoot = isNew ? await issuerRootKey(places) : undefined;
    const workspace = issuerRoot?.keyId ?? store.status("workspace") ?? (await issuerRootKey(places)).keyId;
    const opened = openLog(root, workspaceFile, store, leaseOwner, { extraCa, sleep: delay });
    const pinned = new PinnedDocuments(store);
    const lane: Lane = {
      store,
      files: openArtifactFolder(join(root, ".witnessops", "artifacts")),
      definitions,
      adapters,
      signer: issuer.signer,
      issuerRoot: workspace,
      owner,
      clock: startClock(),
      sleep: (millis) => delay(millis, undefined, { signal: ending.signal }).catch(() => undefined),
      randomHex,
      openNetwork: (rules) =>
        openNetwork({ ...rules, resolvers, ...(extraCa === undefined ? {} : { extraCa }) }),
      resolveSecret: (reference) => resolveSecret(reference, root),
      time: openTime(definitions),
      signal: ending.signal,
      root,
      origin,
      ...(opened === undefined ? {} : { log: opened.log }),
      tails: new Map(),
      pinned,
      states: new RunStates(store, pinned),
      driving: new Map(),
    };
    if (issuerRoot !== undefined) await recordWorkspaceCreated(lane, workspaceOwner, name, issuerRoot);
    if (issuer.fresh !== undefined) {
      await recordKeyCertified(lane, workspaceOwner, issuer.fresh);
      issuer.certified();
    }
    // What processes that were killed had begun to write, and had retired and not yet removed.
    await lane.files.sweep();
    await removeRetired(lane);
    await opened?.log.begin(lane, workspaceOwner);
    opened?.log.start();
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
    return {
      lane,
      definitions,
      places,
      leaseOwner,
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
export async function withLane<T>(
  context: Context,
  use: (opened: OpenLane) => Promise<T>,
  options: OpenLaneOptions = {},
): Promise<T> {
  const opened = await openLane(workspaceRoot(context), options);
  try {
    const opening = opened.lane.clock();
    const result = await use(opened);
    await stampNew(opened.lane, opening, context);
    return result;
  } finally {
    const unlogged = await opened.close();
    if (unlogged !== undefined) context.progress(`not logged yet: ${unlogged.message}`);
  }
}
