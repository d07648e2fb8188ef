import { type Described, describedSystem } from "./described-system.ts";

const host = "crowdsec.test";
const decision = {
  type: "ban",
  origin: "cscli",
  scenario: "manual ban",
  scope: "Ip",
  value: "192.0.2.10",
  duration: "3h59m",
};

/** CrowdSec's description of its local API, from Debian's package. */
export const crowdsec: Described = {
  name: "CrowdSec, Swagger CrowdSec 1.0.0",
  description: "sha256:07733964fc3a8c55d2103ee34e5705fc9e09743ed4abe35d1e2cd7a822d13704",
  host,
  base: "/v1",
  credential: { header: "x-api-key", value: "live-bouncer-key-0001" },
  secrets: { "env:CROWDSEC_BOUNCER_KEY": "live-bouncer-key-0001" },
  calls: (port) => ({
    "crowdsec.decisions": {
      inputs: { host, address: "192.0.2.10", port },
      over: decision,
      outputs: { decisions: [decision] },
      subjects: [`host:${host}`, "address:192.0.2.10"],
    },
  }),
};

export const crowdsecSystem = describedSystem(crowdsec);
