import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { freePortOfBoth } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort } from "./nginx.ts";
import { end, serve, until } from "./tls-front.ts";

const NAMED = "/usr/sbin/named";

export const bind: LiveSystem = {
  name: "BIND 9 (Debian)",
  contracts: ["bind.zones", "bind.statistics"],
  missing: () => needProgram(NAMED, "bind9"),
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-bind-"));
    const [dnsPort, port] = [await freePortOfBoth(), await freePort()];
    writeFileSync(
      join(folder, "shop.zone"),
      "$ORIGIN shop.test.\n$TTL 60\n@ SOA ns1 h 7 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n",
    );
    writeFileSync(
      join(folder, "named.conf"),
      `options {
  directory "${folder}"; managed-keys-directory "${folder}";
  pid-file "${folder}/named.pid"; session-keyfile "${folder}/session.key";
  listen-on port ${dnsPort} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no;
};
controls { };
statistics-channels { inet 127.0.0.1 port ${port} allow { 127.0.0.1; }; };
zone "shop.test" { type primary; file "${folder}/shop.zone"; };
`,
    );
    const server = serve(NAMED, ["-f", "-n", "1", "-c", join(folder, "named.conf")]);
    const close = async () => {
      await end(server);
      rmSync(folder, { recursive: true, force: true });
    };
    try {
      await until("the zone", server, async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/json/v1/zones`);
        return (await answer.text()).includes('"serial":7');
      });
      const { Resolver } = await import("node:dns/promises");
      const resolver = new Resolver({ timeout: 2000, tries: 2 });
      resolver.setServers([`127.0.0.1:${dnsPort}`]);
      await resolver.resolve4("ns1.shop.test");
    } catch (error) {
      await close();
      throw error;
    }
    const at = { host: "127.0.0.1", scheme: "http", port };
    return {
      close,
      calls: {
        "bind.zones": {
          inputs: at,
          outputs: { viewFound: true, zones: [{ name: "shop.test", type: "primary", serial: 7 }] },
        },
        "bind.statistics": { inputs: at, outputs: { queries: 1, nameServer: { Requestv4: 1 } } },
      },
    };
  },
};
