import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/** A workspace in which `bench.noop` may be called, made by the command itself. */
export interface CallWorkspace {
  readonly workspace: string;
  /** What `trust new --confirm` takes: the issuer root, and the owner's key as the owner's. */
  readonly confirm: readonly string[];
  /** Words after `witnessops` that call the contract once. */
  readonly call: readonly string[];
  /** Runs the command in the workspace and returns what it printed. */
  run(...words: string[]): string;
}

/**
 * Makes a workspace below an empty `folder`: `init`, the contract of `bench/noop.yaml`, one authorized engagement.
 *
 * @param program the command's file: `dist/witnessops.mjs` of a build.
 * @param add puts more contracts into the workspace before it is locked.
 */
export function makeCallWorkspace(
  program: string,
  folder: string,
  add: (workspace: string) => void = () => undefined,
): CallWorkspace {
  const workspace = join(folder, "workspace");
  const key = join(folder, "ana.pem");
  const runIn = (cwd: string, words: readonly string[]): string =>
    execFileSync(process.execPath, [program, ...words], {
      cwd,
      encoding: "utf8",
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "pipe", "ignore"],
    });
  const made: { issuerRoot: string; ownerKeyId: string } = JSON.parse(
    runIn(folder, ["init", "workspace", "--owner", "ana", "--owner-key", key, "--json"]),
  );
  mkdirSync(join(workspace, "catalog", "bench"));
  copyFileSync(join(import.meta.dirname, "noop.yaml"), join(workspace, "catalog", "bench", "noop.yaml"));
  add(workspace);
  const run = (...words: string[]): string => runIn(workspace, words);
  run("catalog", "lock");
  run("engagement", "new", "bench", "--include", "bench.example");
  run("engagement", "authorize", "bench", "--key", key);
  return {
    workspace,
    confirm: [`${made.issuerRoot}=issuer-root`, `${made.ownerKeyId}=ana:owner`],
    call: ["call", "bench.noop", "--with", "name=bench.example"],
    run,
  };
}
