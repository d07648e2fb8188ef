import type { LogStarted } from "../contract/log-entry.ts";
import { toBase64 } from "../format/base64.ts";
import type { Checkpoint } from "../format/checkpoint.ts";
import { CodedError } from "../format/coded-error.ts";
import { claimedTimes } from "../format/cosignature.ts";
import { digestOf } from "../format/digest.ts";
import {
  type NoteKey,
  noteKeyOf,
  noteKeyText,
  parseNoteKey,
  parseSignedNote,
} from "../format/signed-note.ts";
import { LogError } from "../ledger/log-error.ts";
import type { LogFolder } from "../ledger/log-folder.ts";
import { LOG_LEASE } from "../ledger/log-store.ts";
import {
  CHECKPOINT_FILE,
  comparePublished,
  type Log,
  makeCheckpoint,
  readCheckpoint,
  type SignedHead,
} from "../ledger/make-checkpoint.ts";
import { WORKSPACE_STREAM } from "../ledger/streams.ts";
import { LineageError } from "../ledger/witnesses.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Lane } from "./lane.ts";
import type { LaneLog } from "./log-of-lane.ts";
import { refusalOf, refusalSubject, refusalText } from "./log-refusal.ts";
import { ACTIVE_LOG, recordLogStarted } from "./record-governance.ts";
import type { LeaseOwner, Store } from "./store.ts";

/** A log with what whoever opened the lane does with it. */
export interface DrivenLog extends LaneLog {
  /** Compares what is published with the ledger; the first time, says in the ledger that the workspace has this log. */
  begin(lane: Lane, actor: string): Promise<void>;
  /**
   * Starts this log in place of the one that the workspace had, linked to its newest known head.
   *
   * @param published a signed checkpoint of the old log that was published, where it is newer than the ledger.
   * @throws LogError `LOG_OF_ANOTHER` when the name was used before, or `published` is of no log of this workspace.
   */
  renew(lane: Lane, actor: string, published?: Uint8Array): Promise<void>;
  /** Makes checkpoints from now on, whenever there is something to log. */
  start(): void;
  /** Ends that, with a last checkpoint. @returns what kept receipts from being logged. */
  stop(): Promise<CodedError<string> | undefined>;
}

export interface DriveOptions {
  readonly isPromised: boolean;
  /** Pause between checkpoints, in milliseconds. Default 500: with the time that one takes, at least one a second. */
  readonly everyMs?: number;
  /** How long one waits for another process that integrates, in milliseconds. Default 10,000. */
  readonly maxWaitMs?: number;
  readonly sleep: (millis: number) => Promise<unknown>;
}

/** Codes after which trying again changes nothing. */
const FINAL: ReadonlySet<string> = new Set(["LOG_RESTORED", "LOG_FORKED", "LOG_OF_ANOTHER"]);

/**
 * Drives a workspace's log. One process at a time, the holder of the lease `log`, integrates for all of them.
 *
 * @param own the folder of the workspace itself, the first of `log.folders`.
 */
export function driveLog(
  log: Log,
  own: LogFolder,
  store: Store,
  owner: LeaseOwner,
  { isPromised, everyMs = 500, maxWaitMs = 10_000, sleep }: DriveOptions,
): DrivenLog {
  const { key } = log;
  const vkey = noteKeyText(key);
  let refusal: LogError | LineageError | undefined;
  let problem: CodedError<string> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;

  /** One after the other: the lease is this process's as a whole. */
  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = running.then(action);
    running = turn.catch(() => undefined);
    return turn;
  }

  async function withLease<T>(action: () => Promise<T>, waitMs: number): Promise<T | undefined> {
    for (const began = performance.now(); !(await store.acquireLease(LOG_LEASE, owner)); ) {
      if (performance.now() - began >= waitMs) return undefined;
      await sleep(10);
    }
    try {
      return await action();
    } finally {
      await store.releaseLease(LOG_LEASE, owner);
    }
  }

  async function checkpoint(): Promise<SignedHead | undefined> {
    const before = refusal;
    if (before instanceof LogError) throw before;
    let tried = false;
    const head = await inTurn(() =>
      withLease(async () => {
        tried = true;
        return makeCheckpoint(log, owner, before);
      }, maxWaitMs),
    ).catch(async (error: unknown) => {
      throw await noted(error);
    });
    if (!tried)
      throw new LogError({
        code: "LOG_BUSY",
        message: "another process has been integrating into the log for too long",
        hint: "wait for it or end it, then run the same command again",
      });
    // Whom it was cosigned by now held something against it before: their word.
    if (before !== undefined && head !== undefined) await keepRefusal(undefined);
    return head;
  }

  async function noted(error: unknown): Promise<unknown> {
    if (error instanceof LineageError) await keepRefusal(error);
    else if (error instanceof LogError && FINAL.has(error.code)) refusal = error;
    return error;
  }

  /** What a witness holds against the log outlives this process: another one must not ask only those who know less. */
  async function keepRefusal(error: LineageError | undefined): Promise<void> {
    refusal = error;
    await store.commit({ status: [{ subject: refusalSubject(key), status: refusalText(error) }] });
  }

  /** What was held against the log before, by a witness that is still on the list. */
  function keptRefusal(): LineageError | undefined {
    const kept = refusalOf(store.status(refusalSubject(key)));
    return kept !== undefined && log.witnesses?.names.includes(kept.witness) ? kept : undefined;
  }

  async function tick(): Promise<void> {
    try {
      if (refusal === undefined && store.log.pending() > 0)
        await inTurn(() => withLease(() => makeCheckpoint(log, owner), 0));
      problem = undefined;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      await noted(error);
      problem = error;
    }
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void tick().finally(() => {
        if (!stopped) schedule();
      });
    }, everyMs);
    // A process that has nothing else to do ends; the last checkpoint is made when its lane is closed.
    timer.unref();
  }

  return {
    key,
    isPromised,
    get refusal() {
      return refusal;
    },
    checkpoint,
    witnessed(now) {
      const bytes = store.log.signed(key.name, { cosigned: true });
      if (bytes === undefined) return undefined;
      const times = claimedTimes(parseSignedNote(bytes), key.name);
      return times.some((time) => time * 1000 > now) ? undefined : { digest: digestOf(bytes), bytes };
    },
    async begin(lane, actor) {
      try {
        await inTurn(() => withLease(() => beginOnce(lane, actor), maxWaitMs));
      } catch (error) {
        if (!((await noted(error)) instanceof LogError)) throw error;
        problem = error as LogError;
      }
      refusal ??= keptRefusal();
    },
    async renew(lane, actor, published) {
      await inTurn(() => withLease(() => renewOnce(lane, actor, published), maxWaitMs));
      refusal = undefined;
    },
    start: schedule,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      if (refusal !== undefined) return refusal;
      try {
        const signed = store.log.signed(key.name);
        const isBehind = store.log.pending() > 0 || signed === undefined || problem !== undefined;
        if (isBehind) await checkpoint();
        return undefined;
      } catch (error) {
        if (error instanceof CodedError) return error;
        throw error;
      }
    },
  };

  async function beginOnce(lane: Lane, actor: string): Promise<void> {
    const active = store.status(ACTIVE_LOG);
    if (active !== undefined && active !== vkey) throw otherLog(active);
    if (active === undefined) {
      for (const folder of log.folders) {
        if ((await folder.read(CHECKPOINT_FILE)) !== undefined) throw olderThanLog(folder);
      }
      await recordLogStarted(lane, actor, { origin: key.name, key: vkey, previous: null });
      return;
    }
    await setAsideEarlier(lane);
    for (const folder of log.folders) await comparePublished(log, folder);
  }

  async function renewOnce(lane: Lane, actor: string, published: Uint8Array | undefined): Promise<void> {
    const active = store.status(ACTIVE_LOG);
    if (startedLogs(lane).some(({ origin }) => origin === key.name)) throw usedBefore(key.name);
    for (const folder of log.folders) {
      if (folder !== own && (await folder.read(CHECKPOINT_FILE)) !== undefined) throw takenFolder(folder);
    }
    const old = active === undefined ? undefined : parseNoteKey(active);
    const previous = await newestHead(old, published);
    await recordLogStarted(lane, actor, { origin: key.name, key: vkey, previous });
    await setAsideEarlier(lane);
  }

  /** The newest head of the old log that is known here. */
  async function newestHead(
    old: NoteKey | undefined,
    given: Uint8Array | undefined,
  ): Promise<LogStarted["previous"]> {
    const known: Checkpoint[] = [];
    if (old !== undefined) {
      const head = store.log.head(old.name);
      if (head !== undefined) known.push({ origin: old.name, ...head });
    }
    for (const bytes of [given, await own.read(CHECKPOINT_FILE)]) {
      const read = bytes === undefined ? undefined : await readCheckpoint(bytes, old ?? keyIn(bytes));
      if (read !== undefined) known.push(read);
      else if (bytes !== undefined && bytes === given) throw notOurs();
    }
    const newest = known.sort((a, b) => b.size - a.size)[0];
    return newest === undefined
      ? null
      : { origin: newest.origin, size: newest.size, root: toBase64(newest.root) };
  }

  /** This log's key under the name that a checkpoint has: of a ledger that does not know its old log any more. */
  function keyIn(bytes: Uint8Array): NoteKey {
    const [origin = ""] = new TextDecoder().decode(bytes).split("\n", 1);
    return renamed(key, origin);
  }

  /** The workspace's own folder may still hold the log before this one. */
  async function setAsideEarlier(lane: Lane): Promise<void> {
    const bytes = await own.read(CHECKPOINT_FILE);
    if (bytes === undefined) return;
    const earlier = startedLogs(lane).flatMap(({ key: of, previous }) => [
      ...(of === vkey ? [] : [parseNoteKey(of)]),
      ...(previous === null ? [] : [renamed(key, previous.origin)]),
    ]);
    for (const one of earlier) {
      if (one.name === key.name || (await readCheckpoint(bytes, one)) === undefined) continue;
      await own.setAside(one.id);
      return;
    }
  }

  function startedLogs(lane: Lane): LogStarted[] {
    return lane.store
      .receipts(WORKSPACE_STREAM)
      .filter(({ event }) => event === "log-started")
      .map(({ payload }) => readReceipt(payload).predicate.detail as unknown as LogStarted);
  }

  function otherLog(active: string): LogError {
    return new LogError({
      code: "LOG_OF_ANOTHER",
      message: `the workspace's log is \`${parseNoteKey(active).name}\`, and witnessops.yaml or its key names \`${key.name}\` ${key.id}`,
      hint: "put the old origin back, or start the new log: `witnessops log checkpoint --new-origin`",
    });
  }
}

function renamed({ key, type }: NoteKey, origin: string): NoteKey {
  return noteKeyOf(origin, key, type);
}

function olderThanLog(folder: LogFolder): LogError {
  return new LogError({
    code: "LOG_RESTORED",
    message: `${folder.name} has a log already, of which this ledger knows nothing: it is older than its log, or the folder is another's`,
    hint: "name an empty `log.publish` and a new `log.origin`, then `witnessops log checkpoint --new-origin --previous <its checkpoint file>`",
  });
}

function usedBefore(origin: string): LogError {
  return new LogError({
    code: "LOG_OF_ANOTHER",
    message: `the workspace had the log \`${origin}\` before`,
    hint: "name an origin in witnessops.yaml that was never used",
  });
}

function takenFolder(folder: LogFolder): LogError {
  return new LogError({
    code: "LOG_OF_ANOTHER",
    message: `${folder.name} has a log already`,
    hint: "name an empty folder in `log.publish`: what was published stays where it is",
  });
}

function notOurs(): LogError {
  return new LogError({
    code: "LOG_OF_ANOTHER",
    message: "the checkpoint given is not one that this workspace's log signed",
    hint: "give the file `checkpoint` from where the log was published",
  });
}
