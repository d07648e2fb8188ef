import type { LogStarted } from "../contract/log-entry.ts";
import { fromBase64 } from "../format/base64.ts";
import { sameHash, type TreeHash } from "../format/merkle.ts";
import type { Anchor } from "./anchor.ts";
import type { Findings } from "./layer.ts";
import type { ReadCheckpoint } from "./log-files.ts";

/** A head of a log that is not the bundle's own. */
interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: TreeHash;
}

/**
 * The heads of earlier logs, as far as the bundle has some: those that `log-started` receipts continue, those that
 * receipts name as lower bounds, and those that the reviewer pins. Heads of one log and size are one.
 *
 * @param origin of the bundle's own log, which has its tiles.
 * @param path of the checkpoint.
 */
export function checkPreviousLogs(
  started: readonly LogStarted[],
  lower: Iterable<ReadCheckpoint>,
  origin: string,
  anchor: Anchor,
  findings: Findings,
  path: string,
): void {
  const links = started.flatMap(({ previous }) =>
    previous === null || previous.origin === origin ? [] : [headOf(previous)],
  );
  const earlier = [...lower].filter(({ checkpoint }) => checkpoint.origin !== origin);
  for (const link of links)
    for (const { checkpoint, path: at } of earlier)
      if (isFork(link, checkpoint)) {
        const message = `the log \`${link.origin}\` has two heads of ${link.size} entries`;
        findings.fail("FAILURE_WITNESS_LINEAGE_MISMATCH", message, { path: at });
      }
  for (const { key, checkpoint } of anchor.logs) {
    if (checkpoint === undefined || key.name === origin) continue;
    const pin = { origin: key.name, ...checkpoint };
    const contradict = (message: string, at: string): void =>
      findings.contradict("FAILURE_WITNESS_LINEAGE_MISMATCH", message, { path: at });
    for (const one of earlier)
      if (isFork(pin, one.checkpoint))
        contradict("the log has another history than the one that the trust file pins", one.path);
    for (const link of links) {
      if (link.origin !== pin.origin) continue;
      if (link.size < pin.size || isFork(link, pin))
        contradict(
          `the log continues \`${pin.origin}\` from a head that is not behind the one pinned in the trust file`,
          path,
        );
      else if (link.size > pin.size)
        findings.untested(
          `the log continues \`${pin.origin}\` from ${link.size} entries, and the bundle has nothing of that log to compare the ${pin.size} with that the trust file pins: compare its head with yours, then pin that`,
        );
    }
  }
}

function headOf({ origin, size, root }: NonNullable<LogStarted["previous"]>): Head {
  return { origin, size, root: fromBase64(root) };
}

function isFork(one: Head, other: Head): boolean {
  return one.origin === other.origin && one.size === other.size && !sameHash(one.root, other.root);
}
