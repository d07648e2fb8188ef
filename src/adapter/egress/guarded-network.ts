import { getServers } from "node:dns";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ActionEndpoint } from "../../contract/action-document.ts";
import { decideAddresses } from "../egress-guard.ts";
import { hostPort, normalAddress } from "../host-name.ts";
import {
  EgressRefused,
  NetworkFault,
  type NetworkSession,
  type Target,
  type TlsConnection,
  type TlsTarget,
} from "../network.ts";
import { decideTarget, type EgressRules, normalServer } from "./decide-target.ts";
import { dialTcp, exchange, handshake } from "./dial.ts";
import { resolveHost } from "./resolve-host.ts";
import { parsePatterns } from "./target-pattern.ts";
import { type TrustStore, trustStore } from "./trust-store.ts";

export interface NetworkOptions {
  /** The action document's endpoints: what the contract may contact. */
  readonly endpoints: readonly ActionEndpoint[];
  /** The engagement's scope, `kind:value`. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Resolvers to ask instead of the host's own, `ip` or `ip:port`. */
  readonly resolvers: readonly string[];
  /** How many connections and datagrams one attempt may open. Default 1,200. */
  readonly maxConnections?: number;
  /** PEM certificates that are trusted besides the host's roots. */
  readonly extraCa?: string;
}

const NO_ROUTE = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/**
 * Opens the network of one attempt (design section 5, egress guard). Proxy variables are ignored; each name
 * is resolved once; the checked address is dialled.
 *
 * @throws RangeError when a resolver is not an address. A scope pattern that cannot be read throws at the first
 *   connection, and so refuses all.
 */
export function openNetwork(options: NetworkOptions): NetworkSession {
  const { endpoints, maxConnections = 1200, extraCa } = options;
  const resolvers = options.resolvers.map(serverOf);
  const resolved = new Map<string, Promise<readonly string[]>>();
  const open = new Set<Duplex>();
  const closing = new AbortController();
  const dialled: string[] = [];
  let trust: TrustStore | undefined;
  let rules: EgressRules | undefined;

  // Read at the first connection: many attempts open none.
  function readRules(): EgressRules {
    rules ??= {
      endpoints,
      include: parsePatterns(options.include),
      exclude: parsePatterns(options.exclude),
      nameServers: resolvers.length > 0 ? resolvers : getServers().map(serverOf),
    };
    return rules;
  }

  /** The checked addresses of a target, in the order in which they are tried. */
  async function check(target: Target, protocol: "tcp" | "udp"): Promise<readonly string[]> {
    if (closing.signal.aborted) throw new EgressRefused("attempt-over", "the attempt is over");
    const { port, redirect, nameServer } = target;
    const { include, exclude } = readRules();
    const decision = decideTarget({ host: target.host, port, protocol, redirect, nameServer }, readRules());
    if (!decision.ok) throw refused(decision.reason, hostPort(target.host, port));
    const { host } = decision;
    if (decision.trustedAddress) return [host];
    const known = normalAddress(host) === undefined ? resolveOnce(host, target.signal) : [host];
    const found = decideAddresses({ addresses: await known, include, exclude });
    if (found.ok) return found.addresses;
    const where = found.address === undefined || found.address === host ? "" : ` (${found.address})`;
    throw refused(found.reason, `${hostPort(host, port)}${where}`);
  }

  function resolveOnce(host: string, signal: AbortSignal): Promise<readonly string[]> {
    let answer = resolved.get(host);
    if (answer === undefined) {
      answer = resolveHost(host, resolvers, signal);
      resolved.set(host, answer);
    }
    return answer;
  }

  function record(address: string, port: number): void {
    if (closing.signal.aborted) throw new EgressRefused("attempt-over", "the attempt is over");
    if (dialled.length >= maxConnections) {
      throw refused("too-many-connections", `more than ${maxConnections} connections`);
    }
    dialled.push(hostPort(address, port));
  }

  function keep<Stream extends Duplex>(stream: Stream): Stream {
    if (closing.signal.aborted) stream.destroy();
    open.add(stream);
    stream.once("close", () => open.delete(stream));
    // Errors reach whoever reads the stream; without a listener they would end the process.
    stream.on("error", () => undefined);
    return stream;
  }

  async function dial(target: Target): Promise<{ socket: Socket; address: string }> {
    const addresses = await check(target, "tcp");
    const signal = AbortSignal.any([target.signal, closing.signal]);
    for (const [index, address] of addresses.entries()) {
      record(address, target.port);
      try {
        return { socket: keep(await dialTcp(address, target.port, signal)), address };
      } catch (error) {
        const last = index === addresses.length - 1;
        // Only a missing route makes another checked address worth dialling: an answer is an answer.
        if (last || !(error instanceof NetworkFault) || !NO_ROUTE.has(error.code)) throw error;
      }
    }
    throw refused("no-address", hostPort(target.host, target.port));
  }

  async function secureOf(socket: Socket, address: string, target: TlsTarget): Promise<TlsConnection> {
    const { requireTrusted = true, minVersion = "TLSv1.2", serverName = target.host } = target;
    trust ??= trustStore(extraCa);
    // From here the TLS stream owns the socket. Destroying the socket first ends Node with a segmentation fault.
    open.delete(socket);
    const secure = await handshake(socket, {
      serverName: serverName.replace(/\.$/, "").replace(/^\[(.*)\]$/, "$1"),
      alpn: target.alpn,
      secureContext: trust.contextFor(minVersion),
      signal: AbortSignal.any([target.signal, closing.signal]),
    });
    keep(secure);
    const connection = describe(secure, trust, address, target.port);
    if (requireTrusted && !connection.trusted) {
      secure.destroy();
      const reason = connection.reason ?? "unknown";
      throw new NetworkFault(reason, "tls", `the certificate of \`${serverName}\` is not trusted: ${reason}`);
    }
    return connection;
  }

  return {
    dialled,
    resolvers,
    endpoints,
    addressesOf: (target) => check(target, "tcp"),
    get nameServers() {
      return readRules().nameServers;
    },
    async connect(target) {
      const { socket, address } = await dial(target);
      return { stream: socket, address, port: target.port };
    },
    async connectTls(target) {
      const { socket, address } = await dial(target);
      return secureOf(socket, address, target);
    },
    async upgradeTls({ stream, address }, target) {
      // Only what this network has dialled itself, and still holds.
      if (!(stream instanceof Socket) || !open.has(stream))
        throw new EgressRefused("not-a-connection", "the connection to secure is none of this attempt");
      // Sent in clear text by whoever sits between, to be taken for a part of the protected conversation.
      if (stream.readableLength > 0)
        throw new NetworkFault("STARTTLS_INJECTED", "tls", "the peer sent on before the handshake");
      return secureOf(stream, address, target);
    },
    async exchangeDatagram(target) {
      const [address] = await check(target, "udp");
      if (address === undefined) throw refused("no-address", hostPort(target.host, target.port));
      record(address, target.port);
      const signal = AbortSignal.any([target.signal, closing.signal]);
      return {
        payload: await exchange(address, target.port, target.payload, target.accepts, signal),
        address,
      };
    },
    close() {
      closing.abort();
      for (const stream of open) stream.destroy();
    },
  };
}

function describe(secure: TLSSocket, trust: TrustStore, address: string, port: number): TlsConnection {
  const chain = chainOf(secure);
  while (chain.length > 1 && trust.holds(chain[chain.length - 1] as Uint8Array)) chain.pop();
  const reason = secure.authorized ? undefined : reasonOf(secure.authorizationError);
  return {
    stream: secure,
    address,
    port,
    protocol: secure.getProtocol() ?? "unknown",
    cipher: secure.getCipher().standardName,
    alpn: typeof secure.alpnProtocol === "string" ? secure.alpnProtocol : undefined,
    trusted: secure.authorized,
    reason,
    chain,
  };
}

function chainOf(secure: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<string>();
  let certificate = secure.getPeerX509Certificate();
  while (certificate !== undefined && !seen.has(certificate.fingerprint256) && chain.length < 32) {
    seen.add(certificate.fingerprint256);
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

function reasonOf(error: unknown): string {
  if (typeof error === "string") return error;
  const code = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "untrusted";
}

function serverOf(text: string): string {
  const server = normalServer(text);
  if (server === undefined) throw new RangeError(`resolver \`${text}\` is not an address`);
  return server;
}

function refused(reason: string, what: string): EgressRefused {
  return new EgressRefused(reason, `egress to \`${what}\` refused: ${reason}`);
}
