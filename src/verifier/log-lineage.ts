import { type LogStarted, logStartedSchema } from "../contract/log-entry.ts";
import { LOG_CHECKPOINT_PATH, LOG_INDEX_PATH } from "../contract/proof-bundle.ts";
import { CodedError } from "../format/coded-error.ts";
import type { Json } from "../format/json.ts";
import { isSignedBy, type NoteKey, noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";
import type { Bundle } from "./bundle.ts";
import { documentFaults, placed } from "./check-document.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Findings } from "./layer.ts";
import type { LogFiles } from "./log-files.ts";

/** Which logs the workspace says it had, the one of the bundle last. */
export interface Lineage {
  readonly started: readonly LogStarted[];
  /** The key that the workspace names for the checkpoint's log, by which it is signed. */
  readonly key: NoteKey | undefined;
}

/** Whether the checkpoint is of the log that the workspace and the runs name, and signed by its key. */
export async function checkLineage(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  { head, index }: LogFiles,
  findings: Findings,
): Promise<Lineage> {
  const fail = (message: string, at: object = { path: LOG_CHECKPOINT_PATH }): void =>
    findings.fail("FAILURE_WITNESS_LINEAGE_MISMATCH", message, at);
  const started = startedLogs(bundle, findings);
  for (const [i, { origin, previous }] of started.entries()) {
    const before = started[i - 1];
    const isAgain = started.findIndex((other) => other.origin === origin) < i;
    if (isAgain) fail(`the log \`${origin}\` is started twice`, {});
    else if (before !== undefined && previous?.origin !== before.origin)
      fail(`the log \`${origin}\` does not continue \`${before.origin}\``, {});
  }
  const promises = runs.flatMap((run) =>
    run.document.log === undefined ? [] : [{ run, ...run.document.log }],
  );
  const known = started.length > 0 ? started : promises.slice(0, 1);
  for (const { run, origin, key } of promises) {
    if (known.some((log) => log.origin === origin && log.key === key)) continue;
    fail(`run \`${run.id}\` promised the log \`${origin}\` with a key that the workspace has not named`, {
      receipt: run.opened.digest,
    });
  }
  const newest = known.at(-1);
  const key = newest === undefined ? undefined : readLogKey(newest.key);
  if (head === undefined) return { started, key: undefined };
  const { origin } = head.checkpoint;
  if (index !== undefined && index.origin !== origin)
    fail(`the index is of the log \`${index.origin}\``, { path: LOG_INDEX_PATH });
  if (newest === undefined) {
    findings.doubt("the workspace does not name its log: whose checkpoint it is is not known");
  } else if (origin !== newest.origin || key?.name !== origin) {
    fail(`the checkpoint is of the log \`${origin}\`, the workspace's is \`${newest.origin}\``);
  } else if (!(await isSignedBy(head.note, key))) {
    fail("the checkpoint is not signed by the log's key");
  } else return { started, key };
  return { started, key: undefined };
}

function startedLogs(bundle: Bundle, findings: Findings): LogStarted[] {
  return (bundle.streams.get("workspace") ?? []).flatMap(({ predicate, digest }) => {
    if (predicate.event !== "log-started") return [];
    const faults = documentFaults(logStartedSchema, (predicate.detail ?? {}) as Json);
    findings.failAll(placed(faults, { receipt: digest }));
    return faults.length === 0 ? [predicate.detail as unknown as LogStarted] : [];
  });
}

/** A log's note key; undefined when the text is none. */
export function readLogKey(text: string): NoteKey | undefined {
  try {
    const key = parseNoteKey(text);
    return key.type === noteKeyTypes.ed25519 ? key : undefined;
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}
