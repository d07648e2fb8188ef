import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { SCHEMA, startNameServer } from "../containment/name-server.ts";
import type { LiveSystem } from "./live-system.ts";

export const powerdns: LiveSystem = {
  name: "PowerDNS Authoritative Server (Debian), behind a TLS proxy",
  contracts: ["powerdns.zone", "powerdns.block-name", "powerdns.record-set", "powerdns.statistics"],
  missing: () =>
    needProgram("/usr/sbin/pdns_server", "pdns-server") ?? needProgram(SCHEMA, "pdns-backend-sqlite3"),
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-powerdns-"));
    const server = await startNameServer(join(folder, "name-server"));
    const zone = "rpz.shop.test";
    const made = await server.ask("POST", "/api/v1/servers/localhost/zones", {
      name: `${zone}.`,
      kind: "Native",
      nameservers: ["ns1.shop.test."],
    });
    if (made !== 201) throw new Error(`the zone was not made: ${made}`);
    const at = { host: "127.0.0.1", port: Number(new URL(server.api).port) };
    return {
      network: { extraCa: server.authority },
      secrets: { "env:PDNS_API_KEY": server.apiKey },
      async close() {
        await server.close();
        rmSync(folder, { recursive: true, force: true });
      },
      calls: {
        "powerdns.zone": {
          inputs: { ...at, zone },
          outputs: { found: true, kind: "Native", dnssec: false },
        },
        "powerdns.block-name": { inputs: { ...at, zone, name: "evil.example" }, outputs: { status: 204 } },
        // What the call before it made, in the part that covers the names below.
        "powerdns.record-set": {
          inputs: { ...at, zone, name: "*.evil.example", type: "CNAME" },
          outputs: { found: true, ttl: 60, contents: ["."] },
        },
        "powerdns.statistics": { inputs: at, outputs: { udpQueries: 0 } },
      },
    };
  },
};
