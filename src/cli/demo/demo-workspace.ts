import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../package-files.ts";
import type { DemoTarget } from "./start-target.ts";

/** Where the demo keeps its files; they stay when it has ended. */
export interface DemoFolder {
  readonly root: string;
  readonly workspace: string;
  readonly keys: string;
  readonly trust: string;
}

/** Path of the sample message in the demo's workspace. */
export const MESSAGE = "messages/suspicious-invoice.eml";

/** Makes an empty folder for the demo. */
export function makeDemoFolder(): DemoFolder {
  const root = mkdtempSync(join(tmpdir(), "witnessops-demo-"));
  const keys = join(root, "keys");
  mkdirSync(keys, { mode: 0o700 });
  return { root, workspace: join(root, "workspace"), keys, trust: join(root, "trust.json") };
}

/** Tells the workspace where names are resolved and which authority signs the target's certificate. */
export function connectToTarget(folder: DemoFolder, target: DemoTarget): void {
  writeFileSync(join(folder.workspace, "target-ca.pem"), target.certificateAuthority);
  appendFileSync(
    join(folder.workspace, "witnessops.yaml"),
    `network:\n  resolvers: ["${target.resolver}"]\n  extraCa: target-ca.pem\n`,
  );
}

/** Puts the reported message into the workspace. */
export function copyMessage(folder: DemoFolder): void {
  mkdirSync(join(folder.workspace, "messages"));
  copyFileSync(join(packageRoot(), "examples", MESSAGE), join(folder.workspace, MESSAGE));
}

/** Changes one byte of one captured artifact of an unpacked bundle. @returns the artifact's path in it. */
export function changeOneByte(bundle: string, digest: string): string {
  const path = `artifacts/sha256/${digest.slice("sha256:".length)}`;
  const file = join(bundle, path);
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  return path;
}
