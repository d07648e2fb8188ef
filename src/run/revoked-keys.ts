import type { PrincipalSet } from "../contract/principal.ts";
import { keyIdsOf } from "../format/key-ids.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import type { Store } from "./store.ts";

const PREFIX = "key:";

/** What the ledger says of a key that signs no more. */
export type KeyStatus = "retired" | "revoked";

/** Status rows that say of a key, by every id that it goes by, that it signs no more. */
export function keyStatusRows(
  ids: Iterable<string>,
  status: KeyStatus,
): { readonly subject: string; readonly status: KeyStatus }[] {
  return [...ids].map((id) => ({ subject: `${PREFIX}${id}`, status }));
}

/** What the ledger says of a key; undefined while it may sign. */
export function keyStatus(store: Pick<Store, "status">, keyId: string): KeyStatus | undefined {
  const status = store.status(`${PREFIX}${keyId}`);
  return status === "retired" || status === "revoked" ? status : undefined;
}

/** Ids of revoked keys among status rows, sorted as they come. */
export function revokedAmong(
  rows: readonly { readonly subject: string; readonly status: string }[],
): string[] {
  return rows
    .filter(({ subject, status }) => subject.startsWith(PREFIX) && status === "revoked")
    .map(({ subject }) => subject.slice(PREFIX.length));
}

/** The principals with the keys that nobody revoked. */
export function withoutRevoked(store: Pick<Store, "status">, principals: PrincipalSet): PrincipalSet {
  const mayStay = (key: PrincipalSet["principals"][number]["keys"][number]): boolean =>
    [...keyIdsOf(parsePrincipalKey(key))].every((id) => keyStatus(store, id) === undefined);
  return {
    ...principals,
    principals: principals.principals.map((one) => ({ ...one, keys: one.keys.filter(mayStay) })),
  };
}

/** A checked statement, refused when its key was revoked. */
export function refuseRevoked<
  Checked extends
    | { readonly ok: false; readonly reason: string }
    | ({ readonly ok: true } & ({ readonly keyId: string } | { readonly fact: { readonly keyId: string } })),
>(
  store: Pick<Store, "status">,
  checked: Checked,
): Checked | { readonly ok: false; readonly reason: "key-revoked" } {
  if (!checked.ok) return checked;
  const keyId = "fact" in checked ? checked.fact.keyId : checked.keyId;
  return keyStatus(store, keyId) === undefined ? checked : { ok: false, reason: "key-revoked" };
}
