// Tries one handshake for each TLS version and prints as JSON which ones the endpoint accepts.
// It sends no application data and needs nothing but Node.js 20 or later.
//
//   node tls-versions.mjs <host> <port> [address]
//
// The host is the name that is asked for; with an address the name is not resolved.
//
// Ends with 0 when at least one connection came about, 3 when none did, 2 on wrong use.
import { isIP } from "node:net";
import { connect } from "node:tls";

const VERSIONS = { "TLS 1.0": "TLSv1", "TLS 1.1": "TLSv1.1", "TLS 1.2": "TLSv1.2", "TLS 1.3": "TLSv1.3" };
const TIMEOUT_MS = 5000;
/** Errors that say that there was no peer to speak TLS with. */
const NO_PEER = ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "EACCES", "EINVAL"];
/** OpenSSL's errors for a version that this side cannot or may not offer. */
const NOT_OFFERED = [
  "ERR_SSL_NO_PROTOCOLS_AVAILABLE",
  "ERR_SSL_NO_CIPHERS_AVAILABLE",
  "ERR_SSL_UNSUPPORTED_PROTOCOL_VERSION",
];

const [host, portText, address = host] = process.argv.slice(2);
const port = Number(portText);
if (host === undefined || !Number.isInteger(port) || port < 1 || port > 65535) {
  console.error("error: usage: tls-versions.mjs <host> <port> [address]");
  process.exit(2);
}

const versions = [];
for (const [version, protocol] of Object.entries(VERSIONS)) {
  versions.push({ version, ...(await handshake(protocol)) });
}
const reached = versions.some((entry) => !NO_PEER.includes(entry.reason));
console.log(JSON.stringify({ host, port, openssl: process.versions.openssl, versions }));
if (!reached) console.error(`error: no connection to ${host} port ${port}: ${versions[0]?.reason}`);
process.exitCode = reached ? 0 : 3;

/** One handshake with exactly one version: `accepted`, `refused` by the peer, or `unclear`. */
function handshake(protocol) {
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      servername: isIP(host) ? "" : host,
      minVersion: protocol,
      maxVersion: protocol,
      ciphers: "DEFAULT:@SECLEVEL=0", // without it OpenSSL 3 does not offer TLS 1.0 and 1.1 at all
      rejectUnauthorized: false, // the certificate is not the question here
    });
    const end = (outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end({ outcome: "unclear", reason: "TIMEOUT" }), TIMEOUT_MS);
    socket.once("secureConnect", () => end({ outcome: "accepted", cipher: socket.getCipher().name }));
    socket.once("error", (error) => end(readError(error)));
    socket.once("close", () => end({ outcome: "unclear", reason: "CLOSED" }));
  });
}

function readError(error) {
  const reason = error.code ?? error.message;
  // An alert is the peer's own word; a reset or a time-out may come from anything between.
  const alerted = /ALERT|UNSUPPORTED_PROTOCOL$|WRONG_VERSION/.test(reason);
  return { outcome: alerted && !NOT_OFFERED.includes(reason) ? "refused" : "unclear", reason };
}
