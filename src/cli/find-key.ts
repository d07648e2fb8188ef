import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { isJsonObject } from "../format/json.ts";
import { keyIdsOf } from "../format/key-ids.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import { WORKSPACE_STREAM } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { readEnvelope } from "../run/document-pin.ts";
import type { Store } from "../run/store.ts";
import type { OpenLane } from "./open-lane.ts";

/** A key that a workspace knows. */
export interface KnownKey {
  /** Its id as the workspace lists it. */
  readonly keyId: string;
  /** Every id that it goes by. */
  readonly ids: ReadonlySet<string>;
  readonly holder: string;
}

/** Finds a key among principals, issuer keys and roots, by any id that it goes by. */
export function findKey({ lane, definitions }: OpenLane, id: string): KnownKey | undefined {
  for (const { id: holder, keys } of definitions.principals().principals) {
    for (const entry of keys) {
      const key = parsePrincipalKey(entry);
      const ids = keyIdsOf(key);
      if (ids.has(id)) return { keyId: key.keyId, ids, holder };
    }
  }
  const own = workspaceKeys(lane.store).find(({ keyId }) => keyId === id);
  return own && { ...own, ids: new Set([own.keyId]) };
}

/** Issuer keys and roots that the ledger names. */
function workspaceKeys(store: Store): { readonly keyId: string; readonly holder: string }[] {
  return store.receipts(WORKSPACE_STREAM).flatMap(({ event, payload }) => {
    if (event !== "workspace-created" && event !== "root-rotated" && event !== "key-certified") return [];
    const { detail } = readReceipt(payload).predicate;
    if (event !== "key-certified") {
      const root = detail?.root as { keyId: string };
      return [{ keyId: root.keyId, holder: "issuer root" }];
    }
    const statement = parseJson(readEnvelope(store, detail?.certificate as Digest).payload);
    const predicate = isJsonObject(statement) ? statement.predicate : undefined;
    return isJsonObject(predicate) ? [{ keyId: String(predicate.keyId), holder: "issuer key" }] : [];
  });
}
