import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { needProgram } from "../../scripts/need-program.ts";
import { freePortOfBoth } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";

const NSD = "/usr/sbin/nsd";
export const TOKEN = "live-challenge-token-0001";
const ZONE = `$ORIGIN shop.test.
$TTL 60
@ IN SOA ns1.shop.test. hostmaster.shop.test. 1 3600 600 86400 60
@ IN NS ns1.shop.test.
@ IN A 127.0.0.1
@ IN MX 10 mx.shop.test.
@ IN TXT "v=spf1 mx -all"
@ IN CAA 0 issue "ca.test"
ns1 IN A 127.0.0.1
mx IN A 127.0.0.1
www IN CNAME shop.test.
_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@shop.test"
_witnessops-challenge IN TXT "${TOKEN}"
`;

/** NSD with one zone, `shop.test`, on a free port of loopback. */
export async function startNsd(): Promise<{ resolver: string; port: number; close(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-nsd-"));
  const port = await freePortOfBoth();
  writeFileSync(join(folder, "shop.test.zone"), ZONE);
  writeFileSync(
    join(folder, "nsd.conf"),
    `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  zonesdir: "${folder}"
  pidfile: "${join(folder, "nsd.pid")}"
  database: ""
  xfrdfile: "${join(folder, "xfrd.state")}"
  xfrdir: "${folder}"
  logfile: "${join(folder, "nsd.log")}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "shop.test"
  zonefile: "shop.test.zone"
`,
  );
  const nsd = spawn(NSD, ["-d", "-c", join(folder, "nsd.conf")], { stdio: "ignore" });
  let ended = false;
  nsd.on("exit", () => {
    ended = true;
  });
  const { Resolver } = await import("node:dns/promises");
  for (let tries = 0; ; tries++) {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([`127.0.0.1:${port}`]);
    const [found] = await resolver.resolve4("shop.test").catch(() => []);
    if (found !== undefined) break;
    if (ended || tries > 100) throw new Error("NSD did not start");
    await delay(50);
  }
  return {
    resolver: `127.0.0.1:${port}`,
    port,
    close() {
      nsd.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const nsd: LiveSystem = {
  name: "NSD (Debian)",
  contracts: ["dns.control", "dns.dmarc", "dns.posture", "dns.query", "dns.records"],
  missing: () => needProgram(NSD, "nsd"),
  async start() {
    const { resolver, port, close } = await startNsd();
    return {
      network: { resolvers: [resolver] },
      close,
      calls: {
        "dns.control": { inputs: { domain: "shop.test" }, outputs: { values: [TOKEN] } },
        "dns.dmarc": { inputs: { domain: "shop.test" }, outputs: { published: true, policy: "reject" } },
        "dns.posture": { inputs: { domain: "shop.test" }, outputs: {} },
        "dns.query": {
          inputs: { name: "shop.test", server: "127.0.0.1", serverPort: port },
          outputs: { exists: true },
        },
        "dns.records": {
          inputs: { name: "shop.test" },
          outputs: { exists: true, addresses: ["127.0.0.1"], mailServers: ["mx.shop.test"] },
        },
      },
    };
  },
};
