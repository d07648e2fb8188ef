import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createServer } from "node:tls";
import { makeCertificate, startZone } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort, untilListening } from "./nginx.ts";

const host = "rdap.registry.test";
/** Rust source only: built once by whoever wants it, since that takes minutes. */
const folders = [...(process.env.PATH ?? "").split(delimiter), join(homedir(), ".cargo", "bin")];
const program = folders.map((folder) => join(folder, "rdap-srv")).find((path) => existsSync(path));

/** A registration as RFC 9083 (section 5.3) has it, which the server is given. */
const registration = {
  objectClassName: "domain",
  rdapConformance: ["rdap_level_0"],
  handle: "INV-2291",
  ldhName: "invoice.example",
  status: ["client transfer prohibited"],
  events: [
    { eventAction: "registration", eventDate: "2026-11-09T18:20:11Z" },
    { eventAction: "expiration", eventDate: "2027-11-09T18:20:11Z" },
  ],
  nameservers: [{ objectClassName: "nameserver", ldhName: "NS1.BULK-POST.TEST" }],
  entities: [
    { objectClassName: "entity", handle: "A-1", roles: ["abuse"] },
    {
      objectClassName: "entity",
      handle: "R-7",
      roles: ["registrar"],
      vcardArray: [
        "vcard",
        [
          ["version", {}, "text", "4.0"],
          ["fn", {}, "text", "Budget Names Ltd"],
        ],
      ],
    },
  ],
  secureDNS: { delegationSigned: false },
};

/** ICANN's RDAP server with one registration. It speaks plain HTTP; in front of it TLS is ended, and nothing else done. */
export const rdapServer: LiveSystem = {
  name: "ICANN's RDAP server (crate icann-rdap-srv 0.0.30), behind TLS",
  contracts: ["rdap.domain"],
  missing: () =>
    program === undefined
      ? "skipped: needs `rdap-srv` (cargo install --locked icann-rdap-srv@0.0.30)"
      : undefined,
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-rdap-"));
    writeFileSync(join(folder, "invoice_example.json"), JSON.stringify(registration));
    const plain = await freePort();
    const server = spawn(program ?? "rdap-srv", [], {
      cwd: folder,
      stdio: "ignore",
      env: {
        RDAP_SRV_LISTEN_ADDR: "127.0.0.1",
        RDAP_SRV_LISTEN_PORT: String(plain),
        RDAP_SRV_STORAGE: "memory",
        RDAP_SRV_DATA_DIR: folder,
        RDAP_SRV_BOOTSTRAP: "false",
        RDAP_SRV_LOG: "off",
      },
    });
    await untilListening(plain);
    const certificate = await makeCertificate(host);
    const front = createServer(certificate, (socket) => {
      const behind = connect(plain, "127.0.0.1");
      for (const one of [socket, behind]) one.on("error", () => undefined);
      socket.pipe(behind).pipe(socket);
    });
    front.listen(0, "127.0.0.1");
    await once(front, "listening");
    const { port } = front.address() as AddressInfo;
    const zone = await startZone({ [host]: ["127.0.0.1"] });
    return {
      network: { resolvers: [zone.resolver], extraCa: certificate.cert },
      async close() {
        await zone.close();
        front.close();
        const ended = once(server, "exit");
        server.kill();
        await ended;
        rmSync(folder, { recursive: true, force: true });
      },
      calls: {
        "rdap.domain": {
          inputs: { domain: "invoice.example", baseUrl: `https://${host}:${port}/rdap` },
          outputs: {
            certificateTrusted: true,
            registered: true,
            handle: "INV-2291",
            registrar: "Budget Names Ltd",
            registeredAt: "2026-11-09T18:20:11Z",
            changedAt: null,
            expiresAt: "2027-11-09T18:20:11Z",
            status: ["client transfer prohibited"],
            nameServers: ["ns1.bulk-post.test"],
            delegationSigned: false,
          },
        },
      },
    };
  },
};
