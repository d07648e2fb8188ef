import { tmpdir } from "node:os";
import type { Adapter, AdapterOutcome, Call, SecretValue } from "../src/adapter/adapter.ts";
import type { InspectableCapture } from "../src/adapter/conformance.ts";
import { type NetworkOptions, openNetwork } from "../src/adapter/egress/guarded-network.ts";
import type { NetworkSession } from "../src/adapter/network.ts";
import type { ActionEndpoint } from "../src/contract/action-document.ts";
import { CaptureRefused } from "../src/contract/capture.ts";
import { canonicalJson } from "../src/format/canonical-json.ts";
import type { JsonObject } from "../src/format/json.ts";

/** A capture that keeps everything in memory and masks nothing; for adapter tests only. */
export interface MemoryCapture extends InspectableCapture {
  readonly artifacts: ReadonlyMap<string, Buffer>;
}

/** Captures the named artifacts, each up to `maxBytes`. */
export function memoryCapture(names: readonly string[], maxBytes = 1 << 20): MemoryCapture {
  const artifacts = new Map<string, Buffer>();
  const finished: string[] = [];
  const stored: JsonObject[] = [];
  return {
    stored,
    artifacts,
    finished,
    wants: (name) => names.includes(name),
    open(name) {
      if (!names.includes(name))
        throw new CaptureRefused("ARTIFACT_UNDECLARED", `\`${name}\` is not declared`);
      if (artifacts.has(name)) throw new CaptureRefused("ARTIFACT_TWICE", `\`${name}\` was opened before`);
      artifacts.set(name, Buffer.alloc(0));
      return {
        async write(bytes) {
          const whole = Buffer.concat([artifacts.get(name) ?? Buffer.alloc(0), bytes]);
          if (whole.length > maxBytes) throw new CaptureRefused("SIZE_EXCEEDED", `\`${name}\` is too large`);
          artifacts.set(name, whole);
          // As a real capture does, now and then.
          await new Promise((resolve) => setImmediate(resolve));
        },
        async end() {
          finished.push(name);
        },
      };
    },
    async putResult(value) {
      const kept = JSON.parse(canonicalJson(value)) as JsonObject;
      stored.push(kept);
      return kept;
    },
  };
}

export interface CallOptions extends Partial<Omit<NetworkOptions, "endpoints">> {
  readonly with: JsonObject;
  readonly endpoints?: readonly ActionEndpoint[];
  readonly artifacts?: readonly string[];
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  readonly secrets?: readonly SecretValue[];
  readonly root?: string;
  readonly signal?: AbortSignal;
  /** The kernel must hold the tool. */
  readonly isolated?: boolean;
}

/** Scope that names the loopback range, where the test servers are. */
export const LOOPBACK = ["cidr:127.0.0.0/8"];

/** A network for tests. */
export function testNetwork(options: Partial<NetworkOptions>): NetworkSession {
  return openNetwork({ endpoints: [], include: LOOPBACK, exclude: [], resolvers: [], ...options });
}

/** Runs an adapter once, under a deadline (default 2 s). */
export async function runAdapter(
  adapter: Adapter,
  options: CallOptions,
): Promise<{ outcome: AdapterOutcome; artifacts: ReadonlyMap<string, Buffer>; network: NetworkSession }> {
  const network = testNetwork(options);
  const capture = memoryCapture(options.artifacts ?? [], options.maxBytes);
  const call: Call = {
    with: options.with,
    signal: options.signal ?? AbortSignal.timeout(options.timeoutMs ?? 2000),
    idempotencyKey: "0123456789abcdef",
    network,
    capture,
    secrets: options.secrets ?? [],
    root: options.root ?? tmpdir(),
    isolated: options.isolated ?? false,
  };
  try {
    return { outcome: await adapter.run(call), artifacts: capture.artifacts, network };
  } finally {
    network.close();
  }
}

/** The result of a run that must have succeeded. */
export function resultOf({ outcome }: { outcome: AdapterOutcome }): JsonObject {
  if (outcome.ok) return outcome.result;
  throw new Error(`${outcome.fault.code} in ${outcome.fault.phase}: ${outcome.fault.message}`);
}

/** The fault of a run that must have failed. */
export function faultOfRun({ outcome }: { outcome: AdapterOutcome }) {
  if (!outcome.ok) return outcome.fault;
  throw new Error(`it succeeded: ${JSON.stringify(outcome.result).slice(0, 500)}`);
}
