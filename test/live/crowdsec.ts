import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort, untilListening } from "./nginx.ts";
import { end, serve } from "./tls-front.ts";

const [MACHINE, PASSWORD, BOUNCER_KEY] = ["watch", "machine-0a1b2c3d4e", "bouncer-0a1b2c3d4e5f"];

/**
 * Where CrowdSec's programs are. Its package is not installed for a test, since that reports the host to its maker's
 * service; it is unpacked instead, which runs nothing.
 */
function programs(): string | undefined {
  if (existsSync("/usr/bin/crowdsec") && existsSync("/usr/bin/cscli")) return "/usr/bin";
  if (!existsSync("/etc/debian_version")) return undefined;
  const folder = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "crowdsec");
  const found = join(folder, "root", "usr", "bin");
  if (existsSync(join(found, "cscli"))) return found;
  try {
    mkdirSync(folder, { recursive: true });
    const options = { cwd: folder, stdio: "ignore" as const, timeout: 60_000 };
    execFileSync("apt-get", ["download", "crowdsec"], options);
    execFileSync("sh", ["-c", "dpkg-deb --extract crowdsec_*.deb root && rm crowdsec_*.deb"], options);
  } catch {
    return undefined;
  }
  return existsSync(join(found, "cscli")) ? found : undefined;
}

/** Logs the machine in. @returns a token that is good for an hour. */
function login(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ machine_id: MACHINE, password: PASSWORD, scenarios: [] });
    // Whom it cannot tell by name and version it does not let in, and says that the password is wrong.
    const headers = { "content-type": "application/json", "user-agent": "witnessops/1.0" };
    const options = { method: "POST", ca, headers };
    const asked = request(`https://127.0.0.1:${port}/v1/watchers/login`, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const { token } = JSON.parse(Buffer.concat(chunks).toString()) as { token?: string };
        if (token === undefined) reject(new Error("the machine was not let in"));
        else resolve(token);
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

export const crowdsec: LiveSystem = {
  name: "CrowdSec Local API (Debian), with TLS",
  contracts: ["crowdsec.block-address", "crowdsec.decisions", "crowdsec.alerts"],
  missing: () =>
    programs() === undefined ? "skipped: needs `crowdsec` (Debian package `crowdsec`)" : undefined,
  async start() {
    const from = programs() ?? "";
    const folder = mkdtempSync(join(tmpdir(), "witnessops-crowdsec-"));
    const certificate = await makeCertificate("crowdsec.test");
    const port = await freePort();
    for (const name of ["data", "hub", "notifications", "plugins"]) mkdirSync(join(folder, name));
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write("key.pem", certificate.key);
    write("cert.pem", certificate.cert);
    write("hub/.index.json", "{}");
    write("simulation.yaml", "simulation: off\n");
    write(
      "profiles.yaml",
      `name: ban\nfilters: ["Alert.Remediation == true"]\ndecisions: [{ type: ban, duration: 4h }]\non_success: break\n`,
    );
    const config = join(folder, "config.yaml");
    // Without `online_client` the server talks to nobody outside.
    write(
      "config.yaml",
      `common: { daemonize: false, log_media: stdout, log_level: info, log_dir: ${folder}, working_dir: ${folder} }
config_paths:
  config_dir: ${folder}
  data_dir: ${folder}/data
  simulation_path: ${folder}/simulation.yaml
  hub_dir: ${folder}/hub
  index_path: ${folder}/hub/.index.json
  notification_dir: ${folder}/notifications
  plugin_dir: ${folder}/plugins
db_config: { log_level: info, type: sqlite, use_wal: false, db_path: ${folder}/data/crowdsec.db }
api:
  client: { credentials_path: ${folder}/credentials.yaml }
  server:
    listen_uri: 127.0.0.1:${port}
    profiles_path: ${folder}/profiles.yaml
    console_path: ${folder}/console.yaml
    tls: { cert_file: ${folder}/cert.pem, key_file: ${folder}/key.pem }
prometheus: { enabled: false }
`,
    );
    const cscli = (...args: string[]) =>
      execFileSync(join(from, "cscli"), ["-c", config, ...args], { stdio: "ignore", timeout: 30_000 });
    const credentials = join(folder, "credentials.yaml");
    cscli("machines", "add", MACHINE, "--password", PASSWORD, "--file", credentials);
    cscli("bouncers", "add", "door", "--key", BOUNCER_KEY);
    const server = serve(join(from, "crowdsec"), ["-c", config, "-no-cs"]);
    const close = async () => {
      await end(server);
      rmSync(folder, { recursive: true, force: true });
    };
    let token: string;
    try {
      await untilListening(port);
      token = await login(port, certificate.cert);
    } catch (error) {
      await close();
      throw error;
    }
    const at = { host: "127.0.0.1", port };
    const address = "192.0.2.7";
    const reason = "case 7: password guessing";
    // The ban begins on the hour, so that it is in force whenever the test runs.
    const begins = `${new Date().toISOString().slice(0, 13)}:00:00Z`;
    return {
      network: { extraCa: certificate.cert },
      secrets: { "env:CROWDSEC_BOUNCER_KEY": BOUNCER_KEY, "env:CROWDSEC_TOKEN": token },
      close,
      calls: {
        "crowdsec.block-address": {
          inputs: { ...at, address, from: begins, reason },
          outputs: { alertId: "1" },
        },
        // What the call before them made.
        "crowdsec.decisions": {
          inputs: { ...at, address },
          outputs: {
            blocked: true,
            decisions: [{ type: "ban", origin: "witnessops", scenario: reason, value: address }],
          },
        },
        "crowdsec.alerts": {
          inputs: at,
          outputs: { count: 1, alerts: [{ source: address, machine: MACHINE, decisions: 1 }] },
        },
      },
    };
  },
};
