import { type Described, describedSystem } from "./described-system.ts";

const host = "alerts.test";
const silence = "0a1b2c3d-0000-4000-8000-0123456789ab";

/** Alertmanager's description, as its own source embeds it, from Debian's package. */
export const alertmanager: Described = {
  name: "Prometheus Alertmanager API 0.0.1",
  description: "sha256:294304231ddeba05aa01ab86b56db89c04e3121eca9c77b366c618f3273fe55a",
  host,
  base: "/api/v2",
  calls(port) {
    const at = { host, port };
    const one = { inputs: { ...at, silence }, subjects: [`host:${host}`, `silence:${silence}`] };
    return {
      "alertmanager.alerts": {
        inputs: at,
        over: {
          fingerprint: "66d4b8d7d6a3f1c1",
          labels: { alertname: "DiskFull" },
          status: { state: "suppressed", silencedBy: [silence] },
        },
        outputs: {
          alerts: [
            { fingerprint: "66d4b8d7d6a3f1c1", name: "DiskFull", state: "suppressed", silencedBy: [silence] },
          ],
        },
        subjects: [`host:${host}`],
      },
      "alertmanager.expire-silence": { ...one, outputs: { silence, status: 200 } },
      "alertmanager.silence": {
        ...one,
        over: { id: silence, status: { state: "expired" }, createdBy: "otto" },
        outputs: { state: "expired", createdBy: "otto" },
        otherwise: { over: { status: { state: "active" } }, outputs: { state: "active" } },
      },
      "alertmanager.silences": {
        inputs: at,
        over: { id: silence, status: { state: "active" }, createdBy: "otto", comment: "maintenance" },
        outputs: {
          silences: [{ id: silence, state: "active", createdBy: "otto", comment: "maintenance" }],
        },
        subjects: [`host:${host}`],
      },
    };
  },
};

export const alertmanagerSystem = describedSystem(alertmanager);
