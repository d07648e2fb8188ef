import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign as signWith,
} from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type PublicKey, parsePublicKey, publicKeyFromSpki } from "../format/public-key.ts";
import type { Signer } from "../format/signer.ts";
import { KeyFileError } from "./key-file-error.ts";

const MAX_BYTES = 64 * 1024;

/** Algorithms that key files are made for: Ed25519 (RFC 8032), ECDSA over P-256 with SHA-256 (FIPS 186-5). */
export const keyAlgorithms = ["ed25519", "p256"] as const;
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

export interface KeyFileOptions {
  /** Encrypts and decrypts the file; default none. */
  readonly passphrase?: string | undefined;
}

/**
 * Makes a key and writes it as PKCS#8 PEM (RFC 8410, RFC 5915, RFC 5958), mode 0600, synced; encrypted with AES-256
 * when there is a passphrase. An existing file is never overwritten.
 *
 * @param options.algorithm default `ed25519`.
 * @throws KeyFileError `KEY_FILE_EXISTS`.
 */
export function createKeyFile(
  path: string,
  { passphrase, algorithm = "ed25519" }: KeyFileOptions & { readonly algorithm?: KeyAlgorithm } = {},
): Signer {
  const { privateKey } =
    algorithm === "ed25519"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({
    type: "pkcs8",
    format: "pem",
    ...(passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase }),
  });
  try {
    writeWhole(path, pem);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause;
    throw new KeyFileError({
      code: "KEY_FILE_EXISTS",
      message: `there is already a file at \`${path}\``,
      hint: "name another path: a key file is never overwritten",
      cause,
    });
  }
  return signerOf(privateKey);
}

/**
 * Opens a private key file for signing.
 *
 * @throws KeyFileError `KEY_FILE_NOT_FOUND`, `KEY_FILE_EXPOSED` when group or others may read or write it,
 *   `KEY_FILE_PASSPHRASE` when the passphrase is missing or wrong, `KEY_FILE_MALFORMED`, and `KEY_FILE_UNSUPPORTED`
 *   when the key is neither Ed25519 nor P-256.
 */
export function openKeyFile(path: string, { passphrase }: KeyFileOptions = {}): Signer {
  const key = readPrivateKey(path, readText(path, true), passphrase);
  const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  if (key.asymmetricKeyType !== "ed25519" && !isP256) {
    throw new KeyFileError({
      code: "KEY_FILE_UNSUPPORTED",
      message: `the key in \`${path}\` is neither Ed25519 nor P-256`,
      hint: "make one with `witnessops key new <path>`",
    });
  }
  return signerOf(key);
}

/**
 * Reads the public half of a key file: SPKI or PKCS#8 PEM, or the base64 text that documents carry; Ed25519 or P-256.
 *
 * @throws KeyFileError as `openKeyFile`; FormatError `KEY_UNSUPPORTED` for another algorithm.
 */
export function readPublicKeyFile(path: string, { passphrase }: KeyFileOptions = {}): PublicKey {
  const text = readText(path, false);
  if (text.includes("PRIVATE KEY-----")) {
    return publicKeyOf(readPrivateKey(path, readText(path, true), passphrase));
  }
  if (text.includes("-----BEGIN PUBLIC KEY-----")) {
    try {
      return publicKeyOf(createPublicKey(text));
    } catch (cause) {
      throw malformed(path, cause);
    }
  }
  return parsePublicKey(text.trim());
}

/** The public key as SPKI PEM, for openssl and others. */
export function publicKeyPem(key: PublicKey): string {
  return createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" })
    .export({ type: "spki", format: "pem" })
    .toString();
}

/** Writes a file that appears under its name only when it is whole and synced; never over another. */
function writeWhole(path: string, text: string | Buffer): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    writeSynced(temporary, text);
    linkSync(temporary, path);
  } catch (error) {
    // Some file systems have no hard links: there the name is taken first.
    if (!NO_LINKS.has(codeOf(error) ?? "")) throw error;
    writeSynced(path, text);
  } finally {
    rmSync(temporary, { force: true });
  }
}

const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

function writeSynced(path: string, text: string | Buffer): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function signerOf(key: KeyObject): Signer {
  return Object.freeze({
    publicKey: publicKeyOf(key),
    sign: (message: Uint8Array) =>
      key.asymmetricKeyType === "ec"
        ? signWith("sha256", message, { key, dsaEncoding: "der" })
        : signWith(null, message, key),
  });
}

function publicKeyOf(key: KeyObject): PublicKey {
  const half = key.type === "public" ? key : createPublicKey(key);
  return publicKeyFromSpki(new Uint8Array(half.export({ type: "spki", format: "der" })));
}

function readText(path: string, isSecret: boolean): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    throw new KeyFileError({
      code: "KEY_FILE_NOT_FOUND",
      message: `there is no key file at \`${path}\``,
      hint: `make one with \`witnessops key new ${path}\``,
      cause,
    });
  }
  try {
    // Looked up on the open file, so that it is the file that is read.
    const status = fstatSync(file);
    if (!status.isFile() || status.size > MAX_BYTES) throw malformed(path);
    const text = readFileSync(file, "utf8");
    if (isSecret && text.includes("-----BEGIN PUBLIC KEY-----")) {
      throw new KeyFileError({
        code: "KEY_FILE_MALFORMED",
        message: `\`${path}\` is a public key: signing needs the private one`,
        hint: "name the key file that its holder keeps",
      });
    }
    if (isSecret && process.platform !== "win32" && (status.mode & 0o077) !== 0) {
      throw new KeyFileError({
        code: "KEY_FILE_EXPOSED",
        message: `others may read or write the key file \`${path}\` (mode ${(status.mode & 0o777).toString(8)})`,
        hint: `chmod 600 ${path}`,
      });
    }
    return text;
  } finally {
    closeSync(file);
  }
}

function readPrivateKey(path: string, text: string, passphrase: string | undefined): KeyObject {
  const encrypted = text.includes("ENCRYPTED");
  if (encrypted && passphrase === undefined) {
    throw new KeyFileError({
      code: "KEY_FILE_PASSPHRASE",
      message: `the key file \`${path}\` needs a passphrase`,
      hint: "set WITNESSOPS_KEY_PASSPHRASE",
    });
  }
  try {
    return createPrivateKey({ key: text, format: "pem", ...(encrypted && passphrase ? { passphrase } : {}) });
  } catch (cause) {
    if (!encrypted) throw malformed(path, cause);
    throw new KeyFileError({
      code: "KEY_FILE_PASSPHRASE",
      message: `the passphrase does not open the key file \`${path}\``,
      hint: "check WITNESSOPS_KEY_PASSPHRASE",
      cause,
    });
  }
}

function malformed(path: string, cause?: unknown): KeyFileError {
  return new KeyFileError({
    code: "KEY_FILE_MALFORMED",
    message: `\`${path}\` is not a PEM key file`,
    hint: "make one with `witnessops key new <path>`",
    cause,
  });
}
