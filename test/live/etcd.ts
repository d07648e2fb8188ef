import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort } from "./nginx.ts";
import { end, getText, serve, until } from "./tls-front.ts";

const ETCD = "/usr/bin/etcd";

export const etcd: LiveSystem = {
  name: "etcd (Debian), with TLS and open to anybody",
  contracts: ["etcd.members", "etcd.health", "etcd.anonymous-access"],
  missing: () => needProgram(ETCD, "etcd-server"),
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-etcd-"));
    const certificate = await makeCertificate("etcd.test");
    writeFileSync(join(folder, "key.pem"), certificate.key);
    writeFileSync(join(folder, "cert.pem"), certificate.cert);
    const [port, peerPort] = [await freePort(), await freePort()];
    const [clients, peers] = [`https://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
    const options = {
      name: "one",
      "data-dir": join(folder, "data"),
      "listen-client-urls": clients,
      "advertise-client-urls": clients,
      "listen-peer-urls": peers,
      "initial-advertise-peer-urls": peers,
      "initial-cluster": `one=${peers}`,
      "cert-file": join(folder, "cert.pem"),
      "key-file": join(folder, "key.pem"),
    };
    const server = serve(
      ETCD,
      Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    );
    const close = async () => {
      await end(server);
      rmSync(folder, { recursive: true, force: true });
    };
    try {
      const asks = { ca: certificate.cert };
      await until("a leader", server, async () =>
        (await getText(`${clients}/health`, asks)).includes("true"),
      );
    } catch (error) {
      await close();
      throw error;
    }
    const at = { host: "127.0.0.1", port };
    return {
      network: { extraCa: certificate.cert },
      close,
      calls: {
        "etcd.members": {
          inputs: at,
          outputs: { count: 1, plaintextPeers: [peers], members: [{ name: "one", clientUrls: [clients] }] },
        },
        "etcd.health": { inputs: at, outputs: { healthy: true, status: 200 } },
        "etcd.anonymous-access": { inputs: at, outputs: { open: true, keys: 0, refusal: null } },
      },
    };
  },
};
