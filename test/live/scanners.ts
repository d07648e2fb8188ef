import { needProgram } from "../../scripts/need-program.ts";
import { startTcp } from "../local-servers.ts";
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
