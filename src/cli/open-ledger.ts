import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../run/store.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import { CliError } from "./cli-error.ts";
import type { Context } from "./command.ts";
import { workspaceRoot } from "./workspace-root.ts";

/** Where a workspace keeps its ledger. */
export function ledgerPath(root: string): string {
  return join(root, ".witnessops", "ledger.sqlite");
}

/**
 * Opens the workspace's ledger. A missing or emptied one is not made anew: that would hide its loss.
 *
 * @throws CliError `REFUSED`; StoreError as `openSqliteStore`.
 */
export function openLedger(root: string): Store {
  const path = ledgerPath(root);
  if (!existsSync(path)) {
    throw new CliError({
      code: "REFUSED",
      message: `the workspace has no ledger at \`${path}\``,
      hint: "restore `.witnessops` from a backup, or make a new workspace with `witnessops init`",
    });
  }
  if (statSync(path).size === 0) {
    throw new CliError({
      code: "REFUSED",
      message: `the ledger at \`${path}\` is empty: what it held is lost`,
      hint: "restore `.witnessops` from a backup, or make a new workspace with `witnessops init`",
    });
  }
  return openSqliteStore(path);
}

/** Opens the ledger of the command's workspace, uses it and closes it. */
export async function withLedger<T>(
  context: Context,
  use: (store: Store, root: string) => Promise<T> | T,
): Promise<T> {
  const root = workspaceRoot(context);
  const store = openLedger(root);
  try {
    return await use(store, root);
  } finally {
    store.close();
  }
}
