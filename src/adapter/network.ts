import type { Duplex } from "node:stream";
import type { ActionEndpoint } from "../contract/action-document.ts";

/** Where a connection goes. */
export interface Target {
  /** A name or a literal address. */
  readonly host: string;
  readonly port: number;
  /** Aborts the resolution, the dialling and the handshake; not the connection once it is handed over. */
  readonly signal: AbortSignal;
  /**
   * Set when an answer, not the contract, named this target: the URL that it named. The guard then decides
   * the URL by the engagement's scope instead of by the action's endpoints.
   */
  readonly redirect?: string;
  /** Set for DNS questions: then one of `nameServers` needs no endpoint of its own. */
  readonly nameServer?: boolean;
}

export interface TlsTarget extends Target {
  /** Name for SNI and certificate check; default `host`. */
  readonly serverName?: string;
  readonly alpn?: readonly string[];
  /** When false the handshake completes with an untrusted certificate and says so. Default true. */
  readonly requireTrusted?: boolean;
  /** Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** The guarded network: the only way an adapter reaches a socket (design section 5, egress guard). */
export interface Network {
  /**
   * Resolves, decides and dials. @throws EgressRefused when the guard refuses, NetworkFault when the network does.
   */
  connect(target: Target): Promise<Connection>;
  /** As `connect`, then a TLS handshake with SNI and certificate name kept. */
  connectTls(target: TlsTarget): Promise<TlsConnection>;
  /**
   * A TLS handshake on a connection of `connect`, as protocols do that begin in clear text (STARTTLS); `target` as it
   * was connected to. The connection's stream must not be used any more. Errors as `connect`; what the peer sent
   * before the handshake and nobody has read refuses it.
   */
  upgradeTls(connection: Connection, target: TlsTarget): Promise<TlsConnection>;
  /**
   * One UDP datagram out, and the first one back from that address and port that `accepts`. Errors as `connect`.
   */
  exchangeDatagram(
    target: Target & { readonly payload: Uint8Array; readonly accepts: (payload: Uint8Array) => boolean },
  ): Promise<{ payload: Uint8Array; address: string }>;
  /**
   * The checked addresses that `connect` would dial, in order; nothing is sent to them. Errors as `connect`.
   */
  addressesOf(target: Target): Promise<readonly string[]>;
  /** The places that the contract declares for this call. */
  readonly endpoints: readonly ActionEndpoint[];
  /** Addresses dialled so far, in order: `ip:port`, `[ip]:port` for IPv6. */
  readonly dialled: readonly string[];
  /** The resolvers that names are resolved with, `ip:port`; empty for the host's own. */
  readonly resolvers: readonly string[];
  /** Where DNS questions may go without an endpoint of their own: `resolvers`, or else the host's. */
  readonly nameServers: readonly string[];
}

/** A network of one attempt; the wrapper closes it. */
export interface NetworkSession extends Network {
  /** Destroys every connection that is still open; later dialling is refused. */
  close(): void;
}

export interface Connection {
  readonly stream: Duplex;
  /** The checked address that was dialled. */
  readonly address: string;
  readonly port: number;
}

export interface TlsConnection extends Connection {
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string | undefined;
  /** Whether the chain is trusted and the name matches; `reason` says why not. */
  readonly trusted: boolean;
  readonly reason: string | undefined;
  /**
   * DER certificates, leaf first, linked by issuer. Certificates that the trust store itself holds are left
   * out at the end, since the TLS library adds them whether or not the peer sent them.
   */
  readonly chain: readonly Uint8Array[];
}

/** The guard said no: no packet left for that target. */
export class EgressRefused extends Error {
  readonly code = "EGRESS_REFUSED";
  /** E.g. `not-an-endpoint`, `excluded`, `loopback`, `metadata`. */
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.name = "EgressRefused";
    this.reason = reason;
  }
}

export type NetworkPhase = "resolve" | "connect" | "tls" | "request";

/** The network failed: `code` as Node names it (`ETIMEDOUT`, `ECONNREFUSED`, `ENOTFOUND`, …). */
export class NetworkFault extends Error {
  readonly code: string;
  readonly phase: NetworkPhase;
  constructor(code: string, phase: NetworkPhase, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "NetworkFault";
    this.code = code;
    this.phase = phase;
  }
}
