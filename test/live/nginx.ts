import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { startNsd, TOKEN } from "./nsd.ts";

const NGINX = "/usr/sbin/nginx";

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until somebody accepts connections on a port of loopback. @throws Error after ten seconds. */
export async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("close", () => socket.destroy());
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await delay(50);
  }
  throw new Error(`nobody listens on port ${port}`);
}

/** nginx with TLS on a free port of loopback, as `shop.test`. */
async function startNginx(certificate: { key: string; cert: string }) {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-nginx-"));
  const port = await freePort();
  const site = join(folder, "site", ".well-known");
  mkdirSync(site, { recursive: true });
  writeFileSync(
    join(site, "security.txt"),
    "Contact: mailto:security@shop.test\nExpires: 2030-01-01T00:00:00Z\n",
  );
  writeFileSync(join(site, "witnessops-challenge.txt"), `${TOKEN}\n`);
  writeFileSync(join(folder, "key.pem"), certificate.key);
  writeFileSync(join(folder, "cert.pem"), certificate.cert);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/tmp-${name};`)
    .join("\n");
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off;
${paths}
  server {
    listen 127.0.0.1:${port} ssl;
    server_name shop.test;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    root ${folder}/site;
    add_header Strict-Transport-Security "max-age=63072000" always;
  }
}
`,
  );
  const nginx = spawn(NGINX, ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  await untilListening(port);
  return {
    port,
    close() {
      nginx.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const nginx: LiveSystem = {
  name: "nginx (Debian), with TLS",
  contracts: ["http.control", "http.headers", "http.security-txt", "tcp.probe", "tls.inspect"],
  missing: () => needProgram(NGINX, "nginx-light") ?? needProgram("/usr/sbin/nsd", "nsd"),
  async start() {
    const certificate = await makeCertificate("shop.test");
    const zone = await startNsd();
    const server = await startNginx(certificate);
    const at = { host: "shop.test", port: server.port };
    return {
      network: { resolvers: [zone.resolver], extraCa: certificate.cert },
      close() {
        server.close();
        zone.close();
      },
      calls: {
        "http.control": { inputs: { domain: "shop.test", port: server.port }, outputs: { values: [TOKEN] } },
        "http.headers": { inputs: at, outputs: { status: 403 } },
        "http.security-txt": {
          inputs: at,
          outputs: { found: true, contacts: ["mailto:security@shop.test"] },
        },
        "tcp.probe": { inputs: { host: "shop.test", ports: [server.port] }, outputs: {} },
        "tls.inspect": { inputs: at, outputs: { subject: "CN=shop.test" } },
      },
    };
  },
};
