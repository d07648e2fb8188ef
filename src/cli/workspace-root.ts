import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { notFound } from "./cli-error.ts";
import type { Context } from "./command.ts";

export const WORKSPACE_FILE = "witnessops.yaml";

/**
 * Folder of the workspace: `-C`, or the nearest parent of the current folder with a `witnessops.yaml`.
 *
 * @throws CliError `NOT_FOUND`.
 */
export function workspaceRoot(context: Context): string {
  if (context.workspace !== undefined) {
    const root = resolve(context.workspace);
    if (isWorkspace(root)) return root;
    throw notFound(`\`${context.workspace}\` is not a workspace: it has no \`${WORKSPACE_FILE}\``, HINT);
  }
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (isWorkspace(folder)) return folder;
    if (folder === dirname(folder)) throw notFound("no workspace here or in a folder above", HINT);
  }
}

const HINT = "make one with `witnessops init`, or name one with `-C <dir>`";

function isWorkspace(folder: string): boolean {
  const file = join(folder, WORKSPACE_FILE);
  return existsSync(file) && statSync(file).isFile();
}
