import { WORKSPACE_STREAM } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { refused } from "./cli-error.ts";
import { openLedger } from "./open-ledger.ts";

/**
 * The issuer root that a workspace began with, as its first receipt names it: from there a reader follows every rotation.
 *
 * @returns base64 of the public key.
 * @throws CliError `REFUSED` when the ledger does not begin with it.
 */
export function firstRoot(root: string): string {
  const store = openLedger(root);
  try {
    const [first] = store.receipts(WORKSPACE_STREAM);
    const detail = first && readReceipt(first.payload).predicate.detail;
    const named = detail?.root as { publicKey?: unknown } | undefined;
    if (typeof named?.publicKey === "string") return named.publicKey;
    throw refused("the ledger does not begin with the workspace's issuer root", "witnessops doctor");
  } finally {
    store.close();
  }
}
