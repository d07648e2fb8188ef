import { fromBase64, fromHex, toBase64, toHex } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import { type SignatureAlgorithm, sha256Hex } from "./crypto.ts";
import { derBits, derInteger, derSequence } from "./der.ts";
import type { PublicKey } from "./public-key.ts";
import { concatBytes, SshReader, sshString } from "./ssh-wire.ts";

/** A public key of SSH that statements may be signed with. */
export interface SshPublicKey {
  readonly type: SshKeyType;
  /** The key in SSH's wire encoding (RFC 4253, section 6.6). */
  readonly blob: Uint8Array;
  /** What `ssh-keygen -l` prints: `SHA256:` and base64 without padding of SHA-256 over the blob. */
  readonly keyId: string;
  /** SubjectPublicKeyInfo of the same key, DER. */
  readonly spki: Uint8Array;
  /** Signature formats that it may make, with the algorithm that verifies each. */
  readonly formats: ReadonlyMap<string, SignatureAlgorithm>;
  /** For a key on a security key: the application it is bound to. */
  readonly application?: string;
}

/** Smallest RSA modulus that counts, in bits. */
export const MIN_RSA_BITS = 3072;
const MAX_RSA_BITS = 16_384;

const SK_ED25519 = "sk-ssh-ed25519@openssh.com";
const SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com";
type SshKeyType =
  | "ssh-ed25519"
  | "ssh-rsa"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | typeof SK_ED25519
  | typeof SK_ECDSA;

// SPKI headers up to the key itself (RFC 8410, RFC 5480), and the AlgorithmIdentifier of RSA (RFC 3279).
const ED25519_HEADER = "302a300506032b6570032100";
const RSA_ALGORITHM = "300d06092a864886f70d0101010500";
interface Curve {
  readonly name: string;
  readonly pointBytes: number;
  readonly algorithm: SignatureAlgorithm;
  readonly header: string;
}
const P256: Curve = {
  name: "nistp256",
  pointBytes: 65,
  algorithm: "ecdsa-p256-sha256",
  header: "3059301306072a8648ce3d020106082a8648ce3d030107034200",
};
const CURVES: ReadonlyMap<string, Curve> = new Map([
  ["ecdsa-sha2-nistp256", P256],
  [
    "ecdsa-sha2-nistp384",
    {
      name: "nistp384",
      pointBytes: 97,
      algorithm: "ecdsa-p384-sha384",
      header: "3076301006072a8648ce3d020106052b81040022036200",
    },
  ],
  [
    "ecdsa-sha2-nistp521",
    {
      name: "nistp521",
      pointBytes: 133,
      algorithm: "ecdsa-p521-sha512",
      header: "30819b301006072a8648ce3d020106052b8104002303818600",
    },
  ],
]);

/** Whether a text is meant to be a public key of SSH: a key type, one space, base64. */
export function isSshKeyText(text: string): boolean {
  return /^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ /.test(text);
}

/**
 * Reads `<type> <base64>`, as it stands in documents and `.pub` files, without a comment.
 *
 * @throws FormatError `KEY_MALFORMED`, or `KEY_UNSUPPORTED` for certificates, DSA, and RSA under 3,072 bits.
 */
export function parseSshPublicKey(text: string): SshPublicKey {
  const [type = "", base64 = "", ...rest] = text.split(" ");
  if (rest.length > 0) throw malformed("a public key of SSH is its type and its base64 text, nothing more");
  let blob: Uint8Array;
  try {
    blob = fromBase64(base64);
  } catch (cause) {
    throw malformed("the public key is not base64", cause);
  }
  const key = sshPublicKeyFromBlob(blob);
  if (key.type !== type) throw malformed(`the public key says \`${type}\` and is \`${key.type}\``);
  return key;
}

/** As `parseSshPublicKey`, from the wire encoding. */
export function sshPublicKeyFromBlob(blob: Uint8Array): SshPublicKey {
  try {
    const reader = new SshReader(blob);
    const read = readKey(reader, reader.text());
    reader.end();
    const keyId = `SHA256:${toBase64(fromHex(sha256Hex(blob))).replace(/=+$/, "")}`;
    return Object.freeze({ ...read, blob, keyId });
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw malformed("the public key is not in SSH's wire encoding", cause);
  }
}

/** A plain key in SSH's form: Ed25519 (RFC 8709) or P-256 (RFC 5656). @throws FormatError `KEY_UNSUPPORTED` for others. */
export function sshPublicKeyOf({ algorithm, spki }: Pick<PublicKey, "algorithm" | "spki">): SshPublicKey {
  if (algorithm === "ed25519")
    return sshPublicKeyFromBlob(
      concatBytes(sshString("ssh-ed25519"), sshString(spki.subarray(ED25519_HEADER.length / 2))),
    );
  if (algorithm !== "ecdsa-p256-sha256") throw unsupported("the key has no form in SSH");
  const point = spki.subarray(P256.header.length / 2);
  return sshPublicKeyFromBlob(
    concatBytes(sshString("ecdsa-sha2-nistp256"), sshString(P256.name), sshString(point)),
  );
}

/** A public key as the text that documents carry. */
export function sshPublicKeyText({ type, blob }: SshPublicKey): string {
  return `${type} ${toBase64(blob)}`;
}

function readKey(reader: SshReader, type: string): Omit<SshPublicKey, "blob" | "keyId"> {
  const curve = CURVES.get(type);
  if (curve !== undefined) {
    const spki = readPoint(reader, curve);
    return { type: type as SshKeyType, spki, formats: new Map([[type, curve.algorithm]]) };
  }
  switch (type) {
    case "ssh-ed25519":
      return { type, spki: readEd25519(reader), formats: new Map([[type, "ed25519"]]) };
    case SK_ED25519: {
      const spki = readEd25519(reader);
      return { type, spki, formats: new Map([[type, "ed25519"]]), application: reader.text() };
    }
    case SK_ECDSA: {
      const spki = readPoint(reader, P256);
      return { type, spki, formats: new Map([[type, P256.algorithm]]), application: reader.text() };
    }
    case "ssh-rsa":
      return {
        type,
        spki: readRsa(reader),
        formats: new Map([
          ["rsa-sha2-256", "rsa-sha256"],
          ["rsa-sha2-512", "rsa-sha512"],
        ]),
      };
    default:
      throw unsupported(
        type.includes("-cert-")
          ? "an SSH certificate is not a key: whoever signed it would decide who may sign"
          : "the public key is neither Ed25519, ECDSA nor RSA",
      );
  }
}

function readEd25519(reader: SshReader): Uint8Array {
  const key = reader.string();
  if (key.length !== 32) throw malformed("an Ed25519 key has 32 bytes");
  return fromHex(ED25519_HEADER + toHex(key));
}

function readPoint(reader: SshReader, curve: Curve): Uint8Array {
  if (reader.text() !== curve.name) throw malformed("the curve is not that of the key's type");
  const point = reader.string();
  if (point.length !== curve.pointBytes || point[0] !== 4)
    throw malformed("the point is not in its uncompressed form");
  return fromHex(curve.header + toHex(point));
}

function readRsa(reader: SshReader): Uint8Array {
  const exponent = reader.positive();
  const modulus = reader.positive();
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    throw unsupported(`an RSA key of ${bits} bits does not count: at least ${MIN_RSA_BITS}`);
  const key = derSequence(derInteger(modulus), derInteger(exponent));
  return derSequence(fromHex(RSA_ALGORITHM), derBits(key));
}

function malformed(message: string, cause?: unknown): FormatError {
  return new FormatError({ code: "KEY_MALFORMED", message, cause });
}

function unsupported(message: string): FormatError {
  return new FormatError({
    code: "KEY_UNSUPPORTED",
    message,
    hint: "make one with `ssh-keygen -t ed25519`",
  });
}
