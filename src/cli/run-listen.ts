import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Lane } from "../run/lane.ts";
import { viewRun } from "../run/view-run.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { usage } from "./cli-error.ts";
import { type Context, defineCommand, option } from "./command.ts";
import { driveRun } from "./drive-run.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { createSignalServer } from "./signal-server.ts";

export const command = defineCommand({
  parameters: {
    port: option("--port <n>", "port to listen on (default: a free one)"),
    address: option(
      "--address <ip>",
      "address to listen on (default: 127.0.0.1; put a TLS proxy before any other)",
    ),
  },
  example: "run listen --port 8470",
  async run({ port = "0", address = "127.0.0.1" }, context) {
    const number = Number(port);
    if (!Number.isInteger(number) || number < 0 || number > 65_535)
      throw usage(`\`${port}\` is no port`, "give a whole number from 0 to 65535");
    return withLane(context, async ({ lane, definitions }) => {
      const driven = new Set<Promise<unknown>>();
      const server = createSignalServer(lane, (run) => {
        context.progress(`webhook for run ${run} recorded`);
        const drive = goOn(lane, definitions, run, context).finally(() => driven.delete(drive));
        driven.add(drive);
      });
      server.listen(number, address);
      await Promise.race([
        once(server, "listening"),
        once(server, "error").then(([error]) => {
          throw usage(`\`${address}:${port}\` cannot be listened on: ${(error as Error).message}`);
        }),
      ]);
      const { port: bound } = server.address() as AddressInfo;
      context.progress(`listening on http://${address}:${bound}/runs/<run>/signal`);
      if (!lane.signal.aborted) await once(lane.signal, "abort");
      server.close();
      server.closeAllConnections();
      await Promise.allSettled(driven);
      return { exit: exit.done, json: { listened: `${address}:${bound}` }, print: () => undefined };
    });
  },
});

/** Drives a run on whose webhook came. What goes wrong there ends no other run's wait. */
async function goOn(
  lane: Lane,
  definitions: WorkspaceDefinitions,
  run: string,
  context: Context,
): Promise<void> {
  try {
    await driveRun(lane, definitions, run, context, viewRun(lane, run));
  } catch (error) {
    context.progress(
      `run ${run} does not go on: ${(error as Error).message}; \`witnessops run resume ${run}\``,
    );
  }
}
