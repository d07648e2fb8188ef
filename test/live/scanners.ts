import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate, startTcp, startTls } from "../local-servers.ts";
import { noSshServer, startSshServer } from "../ssh-server.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort } from "./nginx.ts";

/** A port of loopback that somebody listens on, and one that nobody does. */
export const nmap: LiveSystem = {
  name: "nmap (Debian), of an open and a closed port of loopback",
  contracts: ["nmap.scan"],
  missing: () => needProgram("nmap", "nmap"),
  async start() {
    const open = await startTcp(() => undefined);
    const closed = await freePort();
    return {
      close: () => open.close(),
      calls: {
        "nmap.scan": {
          inputs: { host: "127.0.0.1", ports: [open.port, closed] },
          outputs: { open: [open.port], closed: [closed], filtered: [] },
        },
      },
    };
  },
};

/** A TLS server with a certificate of its own making. */
export const sslscan: LiveSystem = {
  name: "sslscan (Debian), of a TLS server of Node.js",
  contracts: ["sslscan.endpoint"],
  missing: () => needProgram("sslscan", "sslscan"),
  async start() {
    const server = await startTls(await makeCertificate("shop.test"));
    return {
      close: () => server.close(),
      calls: {
        "sslscan.endpoint": {
          inputs: { host: "127.0.0.1", port: server.port },
          outputs: {
            endpoint: `127.0.0.1:${server.port}`,
            protocols: ["TLS 1.2", "TLS 1.3"],
            weak: [],
            heartbleed: [],
            certificate: { subject: "shop.test", selfSigned: true, expired: false },
          },
        },
      },
    };
  },
};

/** A server whose ciphers are set by hand, one of them an old one. */
export const sshAudit: LiveSystem = {
  name: "ssh-audit (Debian), of OpenSSH",
  contracts: ["sshaudit.endpoint"],
  missing: () => noSshServer ?? needProgram("ssh-audit", "ssh-audit"),
  async start() {
    const server = await startSshServer(["Ciphers aes256-ctr,aes256-cbc", "MACs hmac-sha2-256"]);
    return {
      close: () => server.close(),
      calls: {
        "sshaudit.endpoint": {
          inputs: { host: "127.0.0.1", port: server.port },
          outputs: {
            ciphers: ["aes256-ctr", "aes256-cbc"],
            macs: ["hmac-sha2-256"],
            hostKeys: ["ssh-ed25519"],
            fingerprints: [{ type: "ssh-ed25519", fingerprint: server.fingerprint }],
            worst: "failure",
          },
        },
      },
    };
  },
};
