import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type Network, NetworkFault } from "../network.ts";

/** A place that an isolated tool may dial, and how it answered when it was dialled before the tool ran. */
export interface Place {
  readonly host: string;
  /** The one checked address that the host stands for. */
  readonly address: string;
  readonly port: number;
  /** `refused`: the peer refused; `silent`: it did not answer in time, or there is no route. */
  readonly state: "open" | "refused" | "silent";
}

/** Connections from an isolated tool to its places, through Unix sockets; the only way out of its namespace. */
export interface Relay {
  readonly places: readonly Place[];
  close(): void;
}

/** How long a place may take to answer before it counts as silent. */
export const DIAL_MS = 3000;
const AT_ONCE = 32;

/**
 * Dials every place once through the guard, and offers those that answer: the n-th at the Unix socket `<folder>/<n>`. The
 * tool must find closed what is closed, which a relay that accepts first could not tell it; the connection that was dialled
 * serves the tool's first one, each further one is dialled when it comes.
 *
 * @param signal ends the dialling; what is open lives until the network closes.
 * @throws EgressRefused when the guard refuses one of them, NetworkFault when the signal aborts.
 */
export async function openRelay(
  network: Network,
  wanted: readonly { readonly host: string; readonly port: number }[],
  folder: string,
  signal: AbortSignal,
): Promise<Relay> {
  const places: Place[] = [];
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) server.close();
  };
  const refused = new AbortController();
  const dialling = AbortSignal.any([signal, refused.signal]);
  try {
    const queue = [...wanted.entries()];
    const work = async () => {
      for (let next = queue.shift(); next !== undefined && !refused.signal.aborted; next = queue.shift()) {
        const [index, target] = next;
        const address = await addressOf(network, target, dialling);
        // A name that does not resolve is not offered: the tool finds that out itself.
        if (address === undefined) continue;
        const dialled = await dialFirst(network, target, dialling);
        if ("stream" in dialled) {
          if (refused.signal.aborted) return void dialled.stream.destroy();
          const { host, port } = target;
          places[index] = { host, port, address: dialled.address, state: "open" };
          servers.push(await serve(network, target, dialled.stream, join(folder, String(index)), signal));
        } else places[index] = { ...target, address, state: dialled.state };
      }
    };
    const failures: unknown[] = [];
    const worker = () =>
      work().catch((error: unknown) => {
        failures.push(error);
        refused.abort();
      });
    // All have ended before the first failure is told, so that none opens anything afterwards.
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (failures.length > 0) throw failures[0];
  } catch (error) {
    close();
    throw error;
  }
  return { places, close };
}

async function addressOf(
  network: Network,
  target: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const [address] = await network.addressesOf({ ...target, signal });
    return address;
  } catch (error) {
    if (error instanceof NetworkFault && !signal.aborted) return undefined;
    throw error;
  }
}

async function dialFirst(
  network: Network,
  target: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<{ stream: Duplex; address: string } | { state: "refused" | "silent" }> {
  try {
    return await network.connect({
      ...target,
      signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]),
    });
  } catch (error) {
    if (!(error instanceof NetworkFault) || signal.aborted) throw error;
    return { state: error.code === "ECONNREFUSED" || error.code === "ECONNRESET" ? "refused" : "silent" };
  }
}

function serve(
  network: Network,
  target: { readonly host: string; readonly port: number },
  first: Duplex,
  path: string,
  signal: AbortSignal,
): Promise<Server> {
  let spare: Duplex | undefined = first;
  const take = async (): Promise<Duplex> => {
    const ready = spare;
    spare = undefined;
    if (ready !== undefined && !ready.destroyed) return ready;
    return (await network.connect({ ...target, signal })).stream;
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inside) => {
    inside.on("error", () => undefined);
    take().then(
      (outside) => carry(inside, outside),
      () => inside.destroy(),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve(server));
  });
}

/** Carries bytes both ways until both sides have ended, or one broke. */
function carry(inside: Socket, outside: Duplex): void {
  inside.pipe(outside);
  outside.pipe(inside);
  inside.once("close", () => outside.destroy());
  outside.once("close", () => inside.destroySoon());
}
