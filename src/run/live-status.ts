import type { LiveStatus } from "../contract/gate-record.ts";
import { revokedAmong } from "./revoked-keys.ts";
import type { Store } from "./store.ts";

/** Reads the live status that bears on a step, just before it is decided; it only ever tightens. */
export function readLiveStatus(store: Store, contract: string, engagement: string): LiveStatus {
  const live: { -readonly [K in keyof LiveStatus]: LiveStatus[K] } = {
    contract: "active",
    engagement: "open",
    freeze: false,
    disabledPrincipals: [],
  };
  const rows = store.statuses();
  const revokedKeys = revokedAmong(rows);
  if (revokedKeys.length > 0) live.revokedKeys = revokedKeys;
  for (const { subject, status } of rows) {
    if (subject === `contract:${contract}`) {
      if (status !== "active") live.contract = status === "revoked" ? "revoked" : "suspended";
    } else if (subject === `engagement:${engagement}`)
      live.engagement = status === "closed" ? "closed" : "halted";
    else if (subject === "freeze") live.freeze = status === "on";
    else if (subject.startsWith("principal:") && status === "disabled") {
      live.disabledPrincipals.push(subject.slice("principal:".length));
    }
  }
  return live;
}
