import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { KeyCertificate } from "../contract/signed-statements.ts";
import { canonicalJson, parseJson } from "../format/canonical-json.ts";
import { verifySignature } from "../format/crypto.ts";
import { type Envelope, envelopeFromJson, envelopeToJson, preAuthEncoding } from "../format/dsse.ts";
import { isJsonObject, type Json } from "../format/json.ts";
import type { Signer } from "../format/signer.ts";
import { utcFromMillis } from "../format/time.ts";
import { certifyKey } from "../receipt/certify-key.ts";
import { keyStatus } from "../run/revoked-keys.ts";
import type { LeaseOwner, Store } from "../run/store.ts";
import { createKeyFile, openKeyFile } from "../store/key-file.ts";
import type { KeyHolder } from "../store/key-holder.ts";
import { refused } from "./cli-error.ts";
import { issuerRootKey, type KeyPlaces, keysFolder, openIssuerRoot } from "./issuer-root.ts";
import { requestCertificate } from "./key-request.ts";
import { openHolder } from "./open-signer.ts";
import { passphrase } from "./passphrase.ts";
import { replaceFile } from "./write-file.ts";

const DAY = 86_400_000;
/** How long an issuer key may sign; the verifier refuses receipts after it. */
const VALID_DAYS = 365;
const MAX_KEYS = 1000;

/** The issuer key that a process signs receipts with. */
export interface IssuerKey {
  readonly signer: Signer;
  /** Lease that keeps others from signing with it. */
  readonly lease: string;
  /** A certificate that is not in the ledger yet. */
  readonly fresh: Envelope | undefined;
  /** Notes that the ledger has the fresh certificate. */
  certified(): void;
}

/** Which issuer key is wanted. */
export interface IssuerKeyOptions {
  /** A new one, that has no certificate yet. Default false. */
  readonly fresh?: boolean;
  /** Not this one, by its key id. */
  readonly except?: string | undefined;
  /** The issuer root, where it is named for just this command. */
  readonly root?: Signer | undefined;
  /** A certificate that the root made elsewhere, by the key's id. */
  readonly certificate?: { readonly keyId: string; readonly envelope: Envelope } | undefined;
}

/** A place where an issuer key is, or may be. */
export interface IssuerSlot {
  readonly name: string;
  readonly lease: string;
  readonly certificatePath: string;
  /** Whether there is a key. */
  readonly taken: boolean;
  /** Opens the key, or makes it. */
  open(): Promise<Signer>;
  /** Removes a key that ended, where the workspace keeps it. */
  remove(): void;
}

/** The places of a workspace's issuer keys, those that it keeps or those that `witnessops.yaml` names. */
export function* issuerSlots({ root, config }: KeyPlaces): Generator<IssuerSlot> {
  const keys = keysFolder(root);
  if (config?.issuer !== undefined) {
    for (const holder of config.issuer) yield heldSlot(holder, root);
    return;
  }
  for (let n = 1; n <= MAX_KEYS; n++) {
    const path = join(keys, `issuer-${n}.pem`);
    const certificatePath = join(keys, `issuer-${n}.certificate.json`);
    yield {
      name: `issuer-${n}`,
      lease: `issuer-key:${n}`,
      certificatePath,
      taken: existsSync(path),
      open: async () =>
        existsSync(path) ? openKeyFile(path, { passphrase: passphrase() }) : createKeyFile(path),
      remove() {
        rmSync(path, { force: true });
        rmSync(certificatePath, { force: true });
      },
    };
  }
}

function heldSlot(holder: KeyHolder, root: string): IssuerSlot {
  const name = `held-${createHash("sha256").update(canonicalJson(holder)).digest("hex").slice(0, 16)}`;
  return {
    name,
    lease: `issuer-key:${name}`,
    certificatePath: join(keysFolder(root), `${name}.certificate.json`),
    taken: true,
    open: () => openHolder(holder, root),
    remove() {
      // It is held elsewhere, and ended there.
    },
  };
}

/**
 * Takes an issuer key that no other living process signs with, or makes one and has it certified by the issuer root: one
 * key for each process that signs (design section 8). A key that was retired or revoked is never taken again.
 *
 * @throws KeyFileError, SignerError; CliError `REFUSED` when all keys are taken, or the root is held elsewhere: then a
 *   request for a certificate is left for it.
 */
export async function takeIssuerKey(
  store: Store,
  places: KeyPlaces,
  owner: LeaseOwner,
  options: IssuerKeyOptions = {},
): Promise<IssuerKey> {
  const { fresh = false, except, certificate } = options;
  if (certificate !== undefined) await checkCertificate(store, places, certificate.envelope);
  const wants = certificate === undefined ? () => true : (keyId: string) => keyId === certificate.keyId;
  const ready = fresh ? [] : [true];
  // Keys that are certified come first: a certificate may have to be asked for.
  for (const isReady of [...ready, false]) {
    for (const slot of issuerSlots(places)) {
      const { certificatePath, lease } = slot;
      const known = existsSync(certificatePath);
      if (isReady !== (known && !isExpired(certificatePath))) continue;
      // A key of the workspace's own is replaced when it expires, one that is held elsewhere is certified anew.
      if (!isReady && known && places.config?.issuer === undefined) continue;
      if (certificate !== undefined && !slot.taken) continue;
      if (!(await store.acquireLease(lease, owner))) continue;
      try {
        const signer = await slot.open();
        const { keyId } = signer.publicKey;
        if (keyStatus(store, keyId) === undefined && keyId !== except && wants(keyId)) {
          if (isReady) return { signer, lease, fresh: undefined, certified() {} };
          const envelope =
            certificate?.envelope ?? (await certify(store, places, signer, slot, options.root));
          return {
            signer,
            lease,
            fresh: envelope,
            certified: () => replaceFile(certificatePath, canonicalJson(envelopeToJson(envelope)), 0o600),
          };
        }
      } catch (error) {
        await store.releaseLease(lease, owner);
        throw error;
      }
      await store.releaseLease(lease, owner);
    }
  }
  if (certificate !== undefined)
    throw refused(
      `no key of this workspace waits for a certificate of ${certificate.keyId}`,
      "witnessops key list",
    );
  throw refused(
    "every issuer key is taken by another process, expired, or ended",
    places.config?.issuer === undefined
      ? "end some processes"
      : "add one under `keys.issuer` in witnessops.yaml",
  );
}

async function certify(
  store: Store,
  places: KeyPlaces,
  signer: Signer,
  slot: IssuerSlot,
  given: Signer | undefined,
): Promise<Envelope> {
  const root = await openIssuerRoot(store, places, given);
  if (root === undefined) throw requestCertificate(store, places, signer.publicKey, slot.name);
  return certifyKey(root, signer.publicKey, certificateValidity(Date.now()));
}

/** Refuses a certificate that the issuer root of the workspace did not make: nobody would believe the key. */
async function checkCertificate(store: Store, places: KeyPlaces, envelope: Envelope): Promise<void> {
  const root = await issuerRootKey(places);
  const holds = store.status("issuer-root");
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  const isOurs = holds === undefined || holds === root.keyId;
  if (isOurs && (await verifySignature(root, message, envelope.signature.sig))) return;
  throw refused(
    "the certificate is not signed by the issuer root of this workspace",
    `the root that holds is ${holds ?? root.keyId}`,
  );
}

/** From when until when a certificate that is made now lets a key sign. @param now milliseconds since the epoch. */
export function certificateValidity(now: number) {
  return {
    issuedAt: utcFromMillis(now),
    // A clock that is set back a little must not make the first receipts older than their key.
    notBefore: utcFromMillis(now - 10 * 60_000),
    notAfter: utcFromMillis(now + VALID_DAYS * DAY),
  };
}

/** The certificate in a file; undefined when it is none. */
export function readCertificateFile(path: string): KeyCertificate | undefined {
  const { payload } = envelopeFromJson(parseJson(readFileSync(path)));
  const statement: Json = parseJson(payload);
  return isJsonObject(statement) ? (statement.predicate as unknown as KeyCertificate) : undefined;
}

/** Whether the key's certificate ends within a day. */
function isExpired(path: string): boolean {
  const certificate = readCertificateFile(path);
  return certificate === undefined || Date.parse(certificate.notAfter) < Date.now() + DAY;
}
