import Type, { type Static } from "typebox";
import type { Adapter, AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { withFaults } from "../../adapter/fault.ts";
import type { TlsConnection } from "../../adapter/network.ts";
import { writeArtifact } from "../../adapter/write-artifact.ts";
import { digestOf } from "../../format/digest.ts";
import { readCertificate } from "./read-certificate.ts";

const parameters = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 255 }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    serverName: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    minVersion: Type.Optional(Type.Enum(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"])),
  },
  { additionalProperties: false },
);

/**
 * One TLS handshake, no application data: which certificates a peer presents. An untrusted certificate is a
 * result (`trusted: false` and why), not a fault.
 */
export const tls: Adapter = {
  id: "tls",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  run: withFaults("tls", inspect),
};

async function inspect(call: Call): Promise<AdapterOutcome> {
  const { host, port = 443, serverName, minVersion } = call.with as Static<typeof parameters>;
  const connection = await call.network.connectTls({
    host,
    port,
    signal: call.signal,
    requireTrusted: false,
    alpn: ["h2", "http/1.1"],
    ...(serverName === undefined ? {} : { serverName }),
    ...(minVersion === undefined ? {} : { minVersion }),
  });
  connection.stream.destroy();
  return describe(call, connection);
}

async function describe(call: Call, connection: TlsConnection): Promise<AdapterOutcome> {
  const { address, port, protocol, cipher, alpn, trusted, reason, chain } = connection;
  const pem = Buffer.from(chain.map(toPem).join(""));
  await writeArtifact(call.capture, "peer-chain", pem, {
    source: "tls certificate chain",
    mediaType: "application/pem-certificate-chain",
  });
  const leaf = chain[0];
  const certificate = leaf === undefined ? undefined : readCertificate(leaf);
  if (certificate === undefined) {
    const message = "the peer's certificate cannot be read";
    return { ok: false, fault: { code: "CERTIFICATE_MALFORMED", phase: "tls", message } };
  }
  return {
    ok: true,
    result: {
      address,
      port,
      protocol,
      cipher,
      alpn: alpn ?? null,
      trusted,
      reason: reason ?? null,
      ...certificate,
      chain: { length: chain.length, digest: digestOf(pem) },
    },
  };
}

function toPem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
