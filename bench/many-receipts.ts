import { execFileSync } from "node:child_process";
import { createWriteStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Trust } from "../src/contract/trust.ts";
import { noteKeyOf, noteKeyText, noteKeyTypes } from "../src/format/signed-note.ts";
import { writeTar } from "../src/format/tar.ts";
import { exportBundle } from "../src/run/export-bundle.ts";
import type { Lane } from "../src/run/lane.ts";
import { driveLog } from "../src/run/lane-log.ts";
import { openLogFolder } from "../src/store/log-folder.ts";
import { keyFromName } from "../test/fixtures/sample-bundle.ts";
import { longRunbook, oneRun, openBenchLane, shortRunbook } from "./governed-step.ts";

const ORIGIN = "example.test/bench";

/** A bundle on disk and the trust file of an honest reviewer. */
export interface MadeBundle {
  readonly bundle: string;
  readonly trust: string;
  readonly receipts: number;
}

/** Runs until there are that many receipts, by way of all gates, and exports them all as one tar, with their log. */
async function makeHere(folder: string, wanted: number, length: "short" | "long"): Promise<MadeBundle> {
  const runbook = length === "short" ? shortRunbook : longRunbook;
  const made = await openBenchLane();
  try {
    const signer = keyFromName("log");
    const key = noteKeyOf(ORIGIN, signer.publicKey, noteKeyTypes.ed25519);
    const own = openLogFolder(join(made.folder, "log"));
    const { store } = made.lane;
    const owner = { pid: process.pid, token: "bench" };
    const log = driveLog({ key, signer, store: store.log, folders: [own] }, own, store, owner, {
      isPromised: true,
      sleep: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
    });
    const lane: Lane = { ...made.lane, log };
    await log.begin(lane, "olga");
    const runs: string[] = [];
    // Each opens, ends its steps, and closes.
    const perRun = runbook.steps.length + 2;
    while (runs.length * perRun < wanted) {
      const some = Math.min(20, Math.ceil(wanted / perRun) - runs.length);
      runs.push(...(await Promise.all(Array.from({ length: some }, () => oneRun(lane, runbook)))));
    }
    const files = await exportBundle(lane, runs);
    const bundle = join(folder, `${wanted}.tar`);
    const trust = join(folder, `${wanted}.trust.json`);
    await pipeline(writeTar(files), createWriteStream(bundle));
    const trusted: Trust = { ...made.trust, logs: [{ key: noteKeyText(key) }] };
    writeFileSync(trust, JSON.stringify(trusted));
    let receipts = 0;
    for (const file of files.filter(({ path }) => path === "receipts/receipts.ndjson"))
      for await (const chunk of file.read()) for (const byte of chunk) if (byte === 10) receipts += 1;
    return { bundle, trust, receipts };
  } finally {
    made.close();
  }
}

/**
 * As above, in a process of its own: what a hundred thousand receipts leave on its heap is no part of what is measured
 * here.
 *
 * @param length of each run: five steps, or fifty.
 */
export function makeManyReceipts(
  folder: string,
  wanted: number,
  length: "short" | "long" = "long",
): MadeBundle {
  const args = ["--disable-warning=ExperimentalWarning", import.meta.filename, folder, `${wanted}`, length];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder = "", wanted = "0", length] = process.argv;
  console.log(JSON.stringify(await makeHere(folder, Number(wanted), length === "short" ? "short" : "long")));
}
