import { createServer, type RequestListener } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { decideTarget } from "../../adapter/egress/decide-target.ts";
import { parsePatterns } from "../../adapter/egress/target-pattern.ts";
import { hostPort } from "../../adapter/host-name.ts";
import {
  EgressRefused,
  NetworkFault,
  type NetworkPhase,
  type NetworkSession,
  type Target,
} from "../../adapter/network.ts";
import type { NetworkRules } from "../../run/lane.ts";

/** What meets a connection: a listener that answers, or how no connection comes about. */
export type Meeting =
  | { readonly listener: RequestListener }
  | { readonly code: string; readonly phase: NetworkPhase };

/** Of TEST-NET-1 (RFC 5737): no machine has it. */
const ADDRESS = "192.0.2.1";

/**
 * A network that ends in this process: the guard decides each target as always, no name is resolved, and every
 * connection is handed to the mock. Nothing is dialled, and no socket opens.
 */
export function mockNetwork(rules: NetworkRules, meeting: Meeting): NetworkSession {
  const egress = {
    endpoints: rules.endpoints,
    include: parsePatterns(rules.include),
    exclude: parsePatterns(rules.exclude),
    nameServers: [],
  };
  const open = new Set<Duplex>();
  const dialled: string[] = [];

  async function connect(target: Target) {
    const { host, port, redirect } = target;
    const decision = decideTarget({ host, port, protocol: "tcp", redirect }, egress);
    if (!decision.ok)
      throw new EgressRefused(
        decision.reason,
        `egress to \`${hostPort(host, port)}\` refused: ${decision.reason}`,
      );
    if ("code" in meeting) {
      if (meeting.phase !== "resolve") dialled.push(hostPort(ADDRESS, port));
      throw new NetworkFault(meeting.code, meeting.phase, "the mock lets no connection come about");
    }
    dialled.push(hostPort(ADDRESS, port));
    const [ours, theirs] = duplexPair();
    for (const end of [ours, theirs]) {
      open.add(end);
      end.on("error", () => undefined);
    }
    // Never listens: it is given this one connection.
    createServer(meeting.listener).emit("connection", theirs);
    return { stream: ours, address: ADDRESS, port };
  }

  const refuse = () =>
    Promise.reject(new EgressRefused("mock", "a mock answers requests over HTTP, and nothing else"));
  return {
    endpoints: rules.endpoints,
    dialled,
    resolvers: [],
    nameServers: [],
    connect,
    // There is no handshake: what it would say of the peer is said to be the mock's.
    connectTls: async (target) => ({
      ...(await connect(target)),
      protocol: "none (mock)",
      cipher: "none (mock)",
      alpn: "http/1.1",
      trusted: true,
      reason: undefined,
      chain: [],
    }),
    addressesOf: async () => [ADDRESS],
    upgradeTls: refuse,
    exchangeDatagram: refuse,
    close() {
      for (const end of open) end.destroy();
    },
  };
}
