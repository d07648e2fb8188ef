import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort } from "./nginx.ts";
import { end, serve, startTlsFront, until } from "./tls-front.ts";

const RSPAMD = "/usr/bin/rspamd";
const PASSWORD = "controller-0a1b2c3d";
/** The text that every filter of spam takes for spam, https://spamassassin.apache.org/gtube/ */
const GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

export const rspamd: LiveSystem = {
  name: "Rspamd (Debian), behind a TLS proxy",
  contracts: ["rspamd.check-message", "rspamd.statistics"],
  missing: () =>
    needProgram(RSPAMD, "rspamd") ??
    (process.getuid?.() === 0 ? undefined : "skipped: needs root, as whom Rspamd is started"),
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-rspamd-"));
    const port = await freePort();
    const hash = execFileSync("rspamadm", ["pw", "-p", PASSWORD], { encoding: "utf8" }).trim();
    writeFileSync(
      join(folder, "rspamd.conf"),
      `options {
  pidfile = "${folder}/pid"; tempdir = "${folder}"; hs_cache_dir = "${folder}"; history_file = "${folder}/history";
  stats_file = "${folder}/statistics.ucl"; control_socket = "${folder}/control.sock"; filters = "";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; }
}
logging { type = "file"; filename = "${folder}/log"; level = "warning"; }
worker "controller" { bind_socket = "127.0.0.1:${port}"; count = 1; password = "${hash}"; secure_ip = []; }
actions { reject = 15; add_header = 6; greylist = 4; }
lua = "/usr/share/rspamd/rules/rspamd.lua"
`,
    );
    const server = serve(
      RSPAMD,
      ["-f", "-i", "-u", "root", "-g", "root", "-c", join(folder, "rspamd.conf")],
      {
        detached: true,
      },
    );
    const certificate = await makeCertificate("rspamd.test");
    const front = await startTlsFront(certificate, port);
    const close = async () => {
      await front.close();
      // The workers are of the same process group.
      if (server.pid !== undefined) process.kill(-server.pid, "SIGKILL");
      await end(server);
      rmSync(folder, { recursive: true, force: true });
    };
    try {
      const headers = { password: PASSWORD };
      await until("the controller", server, async () => {
        return (await fetch(`http://127.0.0.1:${port}/stat`, { headers })).ok;
      });
    } catch (error) {
      await close();
      throw error;
    }
    const at = { host: "127.0.0.1", port: front.port };
    const message = `From: a@shop.test\r\nTo: b@shop.test\r\nSubject: x\r\nMessage-Id: <1@shop.test>\r\n\r\n${GTUBE}\r\n`;
    return {
      network: { extraCa: certificate.cert },
      secrets: { "env:RSPAMD_PASSWORD": PASSWORD },
      close,
      calls: {
        "rspamd.check-message": {
          inputs: { ...at, message },
          outputs: { action: "reject", messageId: "1@shop.test", symbols: [{ name: "GTUBE" }] },
        },
        // The message of the call before it.
        "rspamd.statistics": { inputs: at, outputs: { scanned: 1, spam: 1, actions: { reject: 1 } } },
      },
    };
  },
};
