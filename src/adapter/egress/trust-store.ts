import { createSecureContext, getCACertificates, type SecureContext, type SecureVersion } from "node:tls";

/** The certificates that TLS connections of adapters trust. */
export interface TrustStore {
  contextFor(minVersion: SecureVersion): SecureContext;
  /** Whether the store itself holds this certificate. */
  holds(der: Uint8Array): boolean;
}

const stores = new Map<string, TrustStore>();
let hostCertificates: readonly string[] | undefined;

/**
 * The bundled and the system's roots, and the PEM certificates of `extraCa`. Kept per `extraCa`: reading the
 * system's store takes about 100 ms.
 *
 * @throws Error when `extraCa` is not PEM.
 */
export function trustStore(extraCa: string | undefined): TrustStore {
  const key = extraCa ?? "";
  let store = stores.get(key);
  if (store === undefined) {
    store = openTrustStore(extraCa);
    stores.set(key, store);
  }
  return store;
}

function openTrustStore(extraCa: string | undefined): TrustStore {
  hostCertificates ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  const certificates = extraCa === undefined ? hostCertificates : [...hostCertificates, ...splitPem(extraCa)];
  const contexts = new Map<SecureVersion, SecureContext>();
  let held: Set<string> | undefined;
  return {
    contextFor(minVersion) {
      let context = contexts.get(minVersion);
      if (context === undefined) {
        const old = minVersion === "TLSv1" || minVersion === "TLSv1.1";
        context = createSecureContext({
          ca: [...certificates],
          minVersion,
          // OpenSSL 3 offers the old versions only at security level 0; asked for by inspections only.
          ...(old ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
        });
        contexts.set(minVersion, context);
      }
      return context;
    },
    holds(der) {
      held ??= new Set(certificates.map(bodyOf));
      return held.has(Buffer.from(der).toString("base64"));
    },
  };
}

function splitPem(text: string): string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (found === null) throw new Error("the extra CA file holds no PEM certificate");
  return found;
}

function bodyOf(pem: string): string {
  return pem.replace(/-----[^-]+-----/g, "").replace(/\s+/g, "");
}
