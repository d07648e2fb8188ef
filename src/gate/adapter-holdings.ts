import type { GateRecord } from "../contract/gate-record.ts";

type Holding = Pick<GateRecord["adapter"], "isolation" | "egress">;

const guarded: Holding = { isolation: "in-process", egress: "guarded" };
const offline: Holding = { isolation: "in-process", egress: "none" };
/** Programs that are handed connections which the guard made. */
const fed: Holding = { isolation: "none", egress: "guarded" };
const free: Holding = { isolation: "none", egress: "unguarded" };

/**
 * What the adapters of this project hold by themselves: the verifier knows it without asking the host. One that is not
 * here is somebody's own, and is believed.
 */
export const adapterHoldings: Readonly<Record<string, Holding>> = {
  dns: guarded,
  exec: free,
  file: offline,
  git: fed,
  http: guarded,
  ldap: guarded,
  manual: offline,
  mcp: guarded,
  "mcp-stdio": free,
  openapi: guarded,
  s3: guarded,
  smtp: guarded,
  sql: guarded,
  ssh: fed,
  tcp: guarded,
  tls: guarded,
  wait: offline,
};
