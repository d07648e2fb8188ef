import { createWriteStream, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const STOPPING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/**
 * Writes bytes that are in the clear to a file of the user's, by way of a draft beside it that is there only meanwhile:
 * it goes when anything fails, and when the process is told to stop.
 *
 * @param accept looks at what was written; the file appears under its name unless it throws.
 */
export async function writeDraft(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  accept: () => void = () => {},
): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  const stop = (signal: NodeJS.Signals): void => {
    rmSync(draft, { force: true });
    // By the signal itself: an orderly exit waits for threads, and one may be waiting for a pipe.
    process.kill(process.pid, signal);
  };
  for (const signal of STOPPING) process.once(signal, stop);
  try {
    await pipeline(Readable.from(bytes), createWriteStream(draft, { flags: "wx", mode: 0o600 }));
    accept();
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
    for (const signal of STOPPING) process.off(signal, stop);
  }
}
