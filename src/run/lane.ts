import type { Adapter } from "../adapter/adapter.ts";
import type { NetworkSession } from "../adapter/network.ts";
import type { ArtifactFiles } from "../evidence/artifact-store.ts";
import type { Signer } from "../format/signer.ts";
import type { Definitions } from "./definitions.ts";
import type { LaneLog } from "./log-of-lane.ts";
import type { PinnedDocuments } from "./pinned-documents.ts";
import type { RunState } from "./run-state.ts";
import type { RunStates } from "./run-states.ts";
import type { Store } from "./store.ts";
import type { StreamTails } from "./stream-tails.ts";

/** Where connections of one attempt may go; see `openNetwork` in `adapter/`. */
export interface NetworkRules {
  readonly endpoints: readonly { host: string; port?: number; protocol: "tcp" | "udp" }[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/**
 * The governed path's connections to the world, made once per process by whoever runs it. Nothing in
 * `run/` opens a file, a socket or a process by itself.
 */
export interface Lane {
  readonly store: Store;
  readonly files: ArtifactFiles;
  readonly definitions: Definitions;
  readonly adapters: readonly Adapter[];
  /** This process's issuer key. */
  readonly signer: Signer;
  /** Key id of the workspace's issuer root. */
  readonly issuerRoot: string;
  /** Lease that says this process lives: dispatches carry it. */
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Resolves after the delay, or at once when aborted. */
  readonly sleep: (millis: number) => Promise<void>;
  readonly randomHex: (bytes: number) => string;
  readonly openNetwork: (rules: NetworkRules) => NetworkSession;
  /** A secret's value by its reference (`env:`, `file:`, `exec:`), or why there is none. */
  readonly resolveSecret: (
    reference: string,
  ) => Promise<
    { readonly ok: true; readonly value: string } | { readonly ok: false; readonly message: string }
  >;
  /** Aborted when the process is asked to end. */
  readonly signal: AbortSignal;
  /** Folder that relative paths of contracts are resolved against. */
  readonly root: string;
  /** How requests reach this process: `cli`, `demo`, later `server`, `mcp`. */
  readonly origin: string;
  /** The workspace's transparency log, when it has one. */
  readonly log?: LaneLog;

  readonly tails: StreamTails;
  readonly pinned: PinnedDocuments;
  readonly states: RunStates;
  /** Runs that this process is driving now. */
  readonly driving: Map<string, Promise<RunState>>;
}
