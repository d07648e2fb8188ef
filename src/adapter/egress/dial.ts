import { createSocket } from "node:dgram";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";
import { hostPort } from "../host-name.ts";
import { NetworkFault } from "../network.ts";
import { abortFault, codeOf, throwIfAborted } from "./network-fault.ts";

/** Opens a TCP connection to a checked address. @throws NetworkFault phase `connect`. */
export function dialTcp(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  throwIfAborted(signal, "connect");
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: address, port, noDelay: true });
    const settle = settler(signal, () => {
      socket.removeListener("connect", onConnect);
      socket.removeListener("error", onError);
    });
    const fail = (fault: NetworkFault) => {
      settle();
      // A socket destroyed while it connects may still report it.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(fault);
    };
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    const onError = (error: unknown) =>
      fail(new NetworkFault(codeOf(error), "connect", `no connection to ${hostPort(address, port)}`, error));
    socket.once("connect", onConnect);
    socket.once("error", onError);
    settle.onAbort(() => fail(abortFault(signal, "connect")));
  });
}

/**
 * Makes a TLS handshake on a connected socket; completes with an untrusted certificate too.
 *
 * @throws NetworkFault phase `tls`.
 */
export function handshake(
  socket: Socket,
  options: {
    readonly serverName: string;
    readonly alpn: readonly string[] | undefined;
    readonly secureContext: SecureContext;
    readonly signal: AbortSignal;
  },
): Promise<TLSSocket> {
  const { serverName, alpn, secureContext, signal } = options;
  throwIfAborted(signal, "tls");
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      host: serverName,
      // RFC 6066 section 3: literal addresses are no server names.
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
      secureContext,
      // Not trusted blindly: the caller reads `authorized` and decides.
      rejectUnauthorized: false,
    });
    const settle = settler(signal, () => {
      secure.removeListener("secureConnect", onSecure);
      secure.removeListener("error", onError);
      secure.removeListener("close", onClose);
    });
    const fail = (fault: NetworkFault) => {
      settle();
      secure.on("error", () => undefined);
      secure.destroy();
      socket.destroy();
      reject(fault);
    };
    const onSecure = () => {
      settle();
      resolve(secure);
    };
    const onError = (error: unknown) =>
      fail(new NetworkFault(codeOf(error), "tls", `no TLS handshake with \`${serverName}\``, error));
    const onClose = () => fail(new NetworkFault("ECONNRESET", "tls", "the peer closed during the handshake"));
    secure.once("secureConnect", onSecure);
    secure.once("error", onError);
    secure.once("close", onClose);
    settle.onAbort(() => fail(abortFault(signal, "tls")));
  });
}

/** One datagram to a checked address, and the first one back that `accepts`. @throws NetworkFault. */
export function exchange(
  address: string,
  port: number,
  payload: Uint8Array,
  accepts: (payload: Uint8Array) => boolean,
  signal: AbortSignal,
): Promise<Uint8Array> {
  throwIfAborted(signal, "request");
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const settle = settler(signal, () => {
      socket.removeAllListeners();
      socket.on("error", () => undefined);
      socket.close();
    });
    const fail = (fault: NetworkFault) => {
      settle();
      reject(fault);
    };
    socket.on("error", (error) =>
      fail(new NetworkFault(codeOf(error), "request", `no answer from ${hostPort(address, port)}`, error)),
    );
    // Connected, so that the kernel drops datagrams from anybody else.
    socket.once("connect", () => socket.send(payload));
    socket.on("message", (message) => {
      if (!accepts(message)) return;
      settle();
      resolve(message);
    });
    socket.connect(port, address);
    settle.onAbort(() => fail(abortFault(signal, "request")));
  });
}

interface Settle {
  (): void;
  onAbort(listener: () => void): void;
}

/** Runs `cleanUp` once, and takes the abort listener away with it. */
function settler(signal: AbortSignal, cleanUp: () => void): Settle {
  let settled = false;
  let listener: (() => void) | undefined;
  const settle: Settle = Object.assign(
    () => {
      if (settled) return;
      settled = true;
      if (listener !== undefined) signal.removeEventListener("abort", listener);
      cleanUp();
    },
    {
      onAbort(next: () => void) {
        listener = next;
        signal.addEventListener("abort", next, { once: true });
      },
    },
  );
  return settle;
}
