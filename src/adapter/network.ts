import type { Duplex } from "node:stream";

/** The guarded network: the only way an adapter reaches a socket (design section 5, egress guard). */
export interface Network {
  /**
   * Resolves, decides and dials. @throws EgressRefused when the guard refuses, NetworkFault when the network does.
   */
  connect(target: { host: string; port: number; signal: AbortSignal }): Promise<Connection>;
  /** As `connect`, then a TLS handshake with SNI and certificate name kept. */
  connectTls(target: {
    host: string;
    port: number;
    signal: AbortSignal;
    /** Name for SNI and certificate check; default `host`. */
    serverName?: string;
    alpn?: readonly string[];
    /** When false the handshake completes with an untrusted certificate and says so. Default true. */
    requireTrusted?: boolean;
    minVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  }): Promise<TlsConnection>;
  /** One UDP datagram out, one back. */
  exchangeDatagram(target: { host: string; port: number; signal: AbortSignal; payload: Uint8Array }): Promise<{
    payload: Uint8Array;
    address: string;
  }>;
  /** Addresses dialled so far, in order: `ip:port`. */
  readonly dialled: readonly string[];
  /** The resolvers that names are resolved with, `ip:port`; empty for the host's own. */
  readonly resolvers: readonly string[];
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
  /** DER certificates, leaf first. */
  readonly chain: readonly Uint8Array[];
}

/** The guard said no: no packet left for that target. */
export class EgressRefused extends Error {
  readonly code = "EGRESS_REFUSED";
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.name = "EgressRefused";
    this.reason = reason;
  }
}

/** The network failed: `code` as Node names it (`ETIMEDOUT`, `ECONNREFUSED`, `ENOTFOUND`, …). */
export class NetworkFault extends Error {
  readonly code: string;
  readonly phase: "resolve" | "connect" | "tls";
  constructor(code: string, phase: "resolve" | "connect" | "tls", message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "NetworkFault";
    this.code = code;
    this.phase = phase;
  }
}
