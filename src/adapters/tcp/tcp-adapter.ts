import Type, { type Static } from "typebox";
import type { Adapter, AdapterOutcome, ArtifactWriter, Call } from "../../adapter/adapter.ts";
import { abortedFault, withFaults } from "../../adapter/fault.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import { type PortProbe, probePort } from "./probe-port.ts";

const CONCURRENCY = 16;

const parameters = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 255 }),
    ports: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), {
      minItems: 1,
      maxItems: 1024,
      uniqueItems: true,
    }),
    banner: Type.Optional(Type.Boolean()),
    connectTimeoutMs: Type.Optional(Type.Integer({ minimum: 10, maximum: 30_000 })),
  },
  { additionalProperties: false },
);

/** A bounded port probe: connects to each port, reads at most 256 bytes of what the service says, sends nothing. */
export const tcp: Adapter = {
  id: "tcp",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  run: withFaults("connect", probe),
};

async function probe(call: Call): Promise<AdapterOutcome> {
  const { host, ports, banner = false, connectTimeoutMs = 1000 } = call.with as Static<typeof parameters>;
  const log = call.capture.wants("probe-log")
    ? call.capture.open("probe-log", { source: "tcp port probe", mediaType: "application/x-ndjson" })
    : undefined;
  const found: PortProbe[] = [];
  const queue = [...ports];
  const stop = new AbortController();
  const signal = AbortSignal.any([call.signal, stop.signal]);
  let written: Promise<void> = Promise.resolve();
  const worker = async () => {
    for (let port = queue.shift(); port !== undefined; port = queue.shift()) {
      if (signal.aborted) return;
      const result = await probePort(call.network, { host, port, banner, connectTimeoutMs, signal });
      if (signal.aborted) return;
      found.push(result);
      // One line after the other, whichever worker comes first.
      written = written.then(() => append(log, result));
      await written;
    }
  };
  const workers = Array.from({ length: Math.min(CONCURRENCY, ports.length) }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(workers);
    throw error;
  }
  await log?.end();
  if (call.signal.aborted) return { ok: false, fault: abortedFault(call.signal, "connect") };
  found.sort((a, b) => a.port - b.port);
  return {
    ok: true,
    result: {
      address: call.network.dialled[0]?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1") ?? null,
      ports: found.map(({ port, state, banner: said }) => ({
        port,
        state,
        ...(said === undefined ? {} : { banner: said }),
      })),
    },
  };
}

async function append(log: ArtifactWriter | undefined, entry: PortProbe): Promise<void> {
  await log?.write(Buffer.from(`${canonicalJson(entry)}\n`));
}
