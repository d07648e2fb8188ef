import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";
import { freePort } from "./nginx.ts";
import { end, getText, serve, until } from "./tls-front.ts";

const PASSWORD = "metrics-0a1b2c3d";
/** Of the password above, by bcrypt with the lowest cost there is. */
const HASH = "$2y$04$abcdefghijklmnopqrstuuhhON4NUrFXJRPQ3JKbBxA5CZlqjvu8a";

/** Prometheus and Alertmanager with TLS and a password each; an alert fires, since one target does not answer. */
async function startPair() {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-prometheus-"));
  const certificate = await makeCertificate("prometheus.test");
  const [port, alertPort, deadPort] = [await freePort(), await freePort(), await freePort()];
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const [key, cert] = [write("key.pem", certificate.key), write("cert.pem", certificate.cert)];
  const web = write(
    "web.yml",
    `tls_server_config: { cert_file: ${cert}, key_file: ${key} }\nbasic_auth_users: { watch: "${HASH}" }\n`,
  );
  const peer = `scheme: https, tls_config: { ca_file: ${cert} }, basic_auth: { username: watch, password: ${PASSWORD} }`;
  const rules = write(
    "rules.yml",
    `groups: [{ name: live, rules: [{ alert: TargetDown, expr: "up == 0", labels: { severity: page } }] }]\n`,
  );
  const config = write(
    "prometheus.yml",
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${rules}]
alerting: { alertmanagers: [{ ${peer}, static_configs: [{ targets: ["127.0.0.1:${alertPort}"] }] }] }
scrape_configs:
  - { job_name: self, ${peer}, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }
  - { job_name: dead, static_configs: [{ targets: ["127.0.0.1:${deadPort}"] }] }
`,
  );
  const alertConfig = write(
    "alertmanager.yml",
    "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n",
  );
  const alertmanager = serve("/usr/bin/prometheus-alertmanager", [
    `--config.file=${alertConfig}`,
    `--web.config.file=${web}`,
    `--storage.path=${join(folder, "alerts")}`,
    `--web.listen-address=127.0.0.1:${alertPort}`,
    "--cluster.listen-address=",
  ]);
  const prometheus = serve("/usr/bin/prometheus", [
    `--config.file=${config}`,
    `--web.config.file=${web}`,
    `--storage.tsdb.path=${join(folder, "samples")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const asks = { ca: certificate.cert, auth: `watch:${PASSWORD}` };
  const close = async () => {
    await end(prometheus);
    await end(alertmanager);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const alerts = `https://127.0.0.1:${alertPort}/api/v2/alerts`;
    await until("the alert", prometheus, async () => (await getText(alerts, asks)).includes("TargetDown"));
    const targets = `https://127.0.0.1:${port}/api/v1/targets`;
    await until("a scrape", prometheus, async () => (await getText(targets, asks)).includes('"health":"up"'));
  } catch (error) {
    await close();
    throw error;
  }
  return { port, alertPort, deadPort, authority: certificate.cert, close };
}

export const prometheus: LiveSystem = {
  name: "Prometheus and Alertmanager (Debian), with TLS and a password",
  contracts: [
    "prometheus.query",
    "prometheus.alerts",
    "prometheus.targets",
    "alertmanager.alerts",
    "alertmanager.silence",
    "alertmanager.silences",
  ],
  missing: () =>
    needProgram("/usr/bin/prometheus", "prometheus") ??
    needProgram("/usr/bin/prometheus-alertmanager", "prometheus-alertmanager"),
  async start() {
    const pair = await startPair();
    const at = { host: "127.0.0.1", port: pair.port };
    const alertsAt = { host: "127.0.0.1", port: pair.alertPort };
    const comment = "case 7: the target is being rebuilt";
    const silence = { alertname: "TargetDown", createdBy: "olga", comment };
    const times = { startsAt: "2026-01-01T00:00:00Z", endsAt: "2099-01-01T00:00:00Z" };
    return {
      network: { extraCa: pair.authority },
      secrets: {
        "env:PROMETHEUS_CREDENTIALS": `watch:${PASSWORD}`,
        "env:ALERTMANAGER_CREDENTIALS": `watch:${PASSWORD}`,
      },
      close: pair.close,
      calls: {
        "prometheus.query": {
          inputs: { ...at, query: 'up{job="dead"}' },
          outputs: {
            resultType: "vector",
            count: 1,
            samples: [{ labels: { job: "dead", instance: `127.0.0.1:${pair.deadPort}` }, value: "0" }],
          },
        },
        "prometheus.alerts": {
          inputs: at,
          outputs: { firing: 1, alerts: [{ name: "TargetDown", state: "firing" }] },
        },
        "prometheus.targets": {
          inputs: at,
          outputs: { count: 2, down: [`http://127.0.0.1:${pair.deadPort}/metrics`] },
        },
        "alertmanager.alerts": {
          inputs: { ...alertsAt, alertname: "TargetDown" },
          outputs: { count: 1, unsilenced: 1, alerts: [{ state: "active", silencedBy: [] }] },
        },
        "alertmanager.silence": { inputs: { ...alertsAt, ...silence, ...times }, outputs: {} },
        // What the call before it made.
        "alertmanager.silences": {
          inputs: { ...alertsAt, alertname: "TargetDown" },
          outputs: {
            count: 1,
            active: 1,
            silences: [{ comment, createdBy: "olga", matchers: ["alertname=TargetDown"] }],
          },
        },
      },
    };
  },
};
