import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate, startTls } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";

const root = join(import.meta.dirname, "..", "..");

/** What lies in the workspace, and the tools of the system that are run there. */
export const workspaceFiles: LiveSystem = {
  name: "a message, a repository of git (Debian), and a TLS server of Node.js",
  contracts: ["git.repository-state", "mail.triage", "openssl.s-client", "tls.protocol-versions"],
  missing: () => needProgram("git", "git") ?? needProgram("openssl", "openssl"),
  async start(folder) {
    cpSync(join(root, "examples/messages"), join(folder, "messages"), { recursive: true });
    cpSync(join(root, "examples/tools"), join(folder, "tools"), { recursive: true });
    const path = join(folder, "repositories/shop");
    mkdirSync(path, { recursive: true });
    execFileSync("git", ["-C", path, "init", "--quiet", "--initial-branch=main"]);
    const server = await startTls(await makeCertificate("shop.test"));
    const at = { host: "shop.test", port: server.port, address: "127.0.0.1" };
    return {
      close: () => server.close(),
      calls: {
        "git.repository-state": {
          inputs: { path: "repositories/shop" },
          outputs: { commit: null, branch: "main" },
        },
        "mail.triage": {
          inputs: { path: "messages/suspicious-invoice.eml" },
          outputs: { fromDomain: "invoice.example" },
        },
        "openssl.s-client": { inputs: { host: "127.0.0.1", port: server.port }, outputs: {} },
        "tls.protocol-versions": { inputs: at, outputs: { accepted: ["TLS 1.2", "TLS 1.3"] } },
      },
    };
  },
};
