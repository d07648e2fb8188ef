import type { Duplex } from "node:stream";
import { type Network, NetworkFault } from "../../adapter/network.ts";
import { utf8Text } from "../../adapter/read-text.ts";

const MAX_BANNER = 256;
const UNANSWERED = new Set(["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "EACCES", "EPERM"]);

/** What one connection attempt found. */
export interface PortProbe {
  readonly port: number;
  readonly state: "open" | "closed" | "filtered";
  readonly address?: string;
  /** Network code when it is not open. */
  readonly code?: string;
  /** First bytes that the service sent by itself: UTF-8, or Latin-1 when they are not. */
  readonly banner?: string;
}

/**
 * Probes one port. `closed` means refused, `filtered` means no answer within `connectTimeoutMs`.
 *
 * @throws EgressRefused, and NetworkFault when the name does not resolve.
 */
export async function probePort(
  network: Network,
  options: { host: string; port: number; banner: boolean; connectTimeoutMs: number; signal: AbortSignal },
): Promise<PortProbe> {
  const { host, port, banner, connectTimeoutMs } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(connectTimeoutMs)]);
  try {
    const connection = await network.connect({ host, port, signal });
    const { address, stream } = connection;
    try {
      const said = banner ? await readBanner(stream, connectTimeoutMs, options.signal) : "";
      return { port, state: "open", address, ...(said === "" ? {} : { banner: said }) };
    } finally {
      stream.destroy();
    }
  } catch (error) {
    if (!(error instanceof NetworkFault) || error.phase !== "connect") throw error;
    if (error.code === "ECONNREFUSED" || error.code === "ECONNRESET") {
      return { port, state: "closed", code: error.code };
    }
    if (UNANSWERED.has(error.code) || options.signal.aborted) {
      return { port, state: "filtered", code: error.code };
    }
    throw error;
  }
}

function readBanner(stream: Duplex, timeoutMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      const bytes = Buffer.concat(chunks).subarray(0, MAX_BANNER);
      resolve(utf8Text(bytes) ?? bytes.toString("latin1"));
    };
    const timer = setTimeout(done, timeoutMs);
    signal.addEventListener("abort", done, { once: true });
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BANNER || chunk.includes(0x0a)) done();
    });
    stream.once("close", done);
  });
}
