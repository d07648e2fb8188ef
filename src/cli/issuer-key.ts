import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyCertificate } from "../contract/signed-statements.ts";
import { canonicalJson, parseJson } from "../format/canonical-json.ts";
import { type Envelope, envelopeFromJson, envelopeToJson } from "../format/dsse.ts";
import { isJsonObject, type Json } from "../format/json.ts";
import type { Signer } from "../format/signer.ts";
import { utcFromMillis } from "../format/time.ts";
import { certifyKey } from "../receipt/certify-key.ts";
import type { LeaseOwner, Store } from "../run/store.ts";
import { createKeyFile, openKeyFile } from "../store/key-file.ts";
import { refused } from "./cli-error.ts";
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

/** Where a workspace keeps the root that certifies issuer keys. */
export function issuerRootPath(keys: string): string {
  return join(keys, "issuer-root.pem");
}

/**
 * Takes an issuer key that no other living process signs with, or makes one and certifies it with the workspace's
 * root: one key for each process that signs (design section 8).
 *
 * @param keys the folder of the workspace's keys.
 * @throws KeyFileError; CliError `REFUSED` when a thousand keys are taken.
 */
export async function takeIssuerKey(store: Store, keys: string, owner: LeaseOwner): Promise<IssuerKey> {
  for (let n = 1; n <= MAX_KEYS; n++) {
    const lease = `issuer-key:${n}`;
    const path = join(keys, `issuer-${n}.pem`);
    const certificatePath = join(keys, `issuer-${n}.certificate.json`);
    if (isExpired(certificatePath)) continue;
    if (!(await store.acquireLease(lease, owner))) continue;
    const signer = existsSync(path) ? openKeyFile(path) : createKeyFile(path);
    const fresh = existsSync(certificatePath) ? undefined : await certify(keys, signer);
    return {
      signer,
      lease,
      fresh,
      certified() {
        if (fresh === undefined) return;
        replaceFile(certificatePath, canonicalJson(envelopeToJson(fresh)), 0o600);
      },
    };
  }
  throw refused("a thousand processes sign in this workspace", "end some of them");
}

function certify(keys: string, signer: Signer): Promise<Envelope> {
  const now = Date.now();
  const validity = {
    issuedAt: utcFromMillis(now),
    // A clock that is set back a little must not make the first receipts older than their key.
    notBefore: utcFromMillis(now - 10 * 60_000),
    notAfter: utcFromMillis(now + VALID_DAYS * DAY),
  };
  return certifyKey(openKeyFile(issuerRootPath(keys)), signer.publicKey, validity);
}

/** Whether the key's certificate ends within a day. */
function isExpired(path: string): boolean {
  if (!existsSync(path)) return false;
  const { payload } = envelopeFromJson(parseJson(readFileSync(path)));
  const statement: Json = parseJson(payload);
  const predicate = isJsonObject(statement) ? (statement.predicate as unknown as KeyCertificate) : undefined;
  return predicate === undefined || Date.parse(predicate.notAfter) < Date.now() + DAY;
}
