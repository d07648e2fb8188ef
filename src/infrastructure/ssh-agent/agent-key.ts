import { verifySignature } from "../../format/crypto.ts";
import { publicKeyFromSpki } from "../../format/public-key.ts";
import type { Signer } from "../../format/signer.ts";
import { type SshPublicKey, sshPublicKeyFromBlob } from "../../format/ssh-public-key.ts";
import { concatBytes, SshReader, sshString } from "../../format/ssh-wire.ts";
import { ecdsaDer, sshSignature, sshSignedBytes, verifySshSignature } from "../../format/sshsig.ts";
import { SignerError } from "../signer-error.ts";
import { type AgentOptions, askAgent } from "./agent-request.ts";

// Message numbers and flags (draft-ietf-sshm-ssh-agent, section 6).
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_512 = 4;
const MAX_IDENTITIES = 1000;

/** A key that ssh-agent holds. The private half never leaves it. */
export interface AgentKey {
  readonly key: SshPublicKey;
  /** An SSHSIG over the message in a namespace (PROTOCOL.sshsig), checked before it is handed on. */
  signSsh(namespace: string, message: Uint8Array): Promise<Uint8Array>;
  /**
   * Signs as a plain key does: Ed25519, or P-256.
   *
   * @throws SignerError `AGENT_KEY_UNKNOWN` for a key of another kind.
   */
  plain(): Signer;
}

/**
 * Finds a key in ssh-agent by its fingerprint, as `ssh-add -l` shows it, or by its id as a plain key.
 *
 * @throws SignerError `AGENT_ABSENT`, `AGENT_FAILED`, `AGENT_KEY_UNKNOWN`.
 */
export async function openAgentKey(fingerprint: string, options: AgentOptions = {}): Promise<AgentKey> {
  const keys = await listKeys(options);
  const key = keys.find((one) => one.keyId === fingerprint || plainKeyOf(one)?.keyId === fingerprint);
  if (key === undefined)
    throw new SignerError({
      code: "AGENT_KEY_UNKNOWN",
      message: `ssh-agent has no key \`${fingerprint.slice(0, 100)}\` that may sign here`,
      hint: "ssh-add -l",
    });
  return {
    key,
    async signSsh(namespace, message) {
      const signature = await sign(key, sshSignedBytes(namespace, message), options);
      const whole = sshSignature(key, namespace, signature);
      const checked = await verifySshSignature(key, namespace, message, whole);
      if (!checked.ok) throw wrong();
      return whole;
    },
    plain() {
      const publicKey = plainKeyOf(key);
      if (publicKey === undefined)
        throw new SignerError({
          code: "AGENT_KEY_UNKNOWN",
          message: `the key \`${fingerprint}\` is \`${key.type}\`: it makes no plain signatures`,
          hint: "use a key of type `ssh-ed25519` or `ecdsa-sha2-nistp256`",
        });
      return {
        publicKey,
        async sign(message) {
          const bytes = plainSignature(key, await sign(key, message, options));
          if (!(await verifySignature(publicKey, message, bytes))) throw wrong();
          return bytes;
        },
      };
    },
  };
}

/** The keys that ssh-agent offers and that may sign statements: no certificates, no security keys, no small RSA. */
async function listKeys(options: AgentOptions): Promise<SshPublicKey[]> {
  const keys: SshPublicKey[] = [];
  await answer(Uint8Array.of(REQUEST_IDENTITIES), IDENTITIES_ANSWER, options, (reader) => {
    const count = reader.uint32();
    if (count > MAX_IDENTITIES) throw new RangeError("too many keys");
    for (let n = 0; n < count; n++) {
      const blob = reader.string();
      reader.string();
      try {
        const key = sshPublicKeyFromBlob(blob);
        if (key.application === undefined) keys.push(key);
      } catch {
        // A key of a kind that signs nothing here.
      }
    }
  });
  return keys;
}

/** The signature as the agent gives it: format and bytes. */
async function sign(key: SshPublicKey, message: Uint8Array, options: AgentOptions): Promise<Uint8Array> {
  const flags = Uint8Array.of(0, 0, 0, key.type === "ssh-rsa" ? RSA_SHA2_512 : 0);
  const request = concatBytes(Uint8Array.of(SIGN_REQUEST), sshString(key.blob), sshString(message), flags);
  return answer(request, SIGN_RESPONSE, options, (reader) => reader.string());
}

async function answer<T>(
  request: Uint8Array,
  expected: number,
  options: AgentOptions,
  read: (reader: SshReader) => T,
): Promise<T> {
  const bytes = await askAgent(request, options);
  if (bytes[0] === FAILURE)
    throw new SignerError({
      code: "AGENT_REFUSED",
      message: "ssh-agent refused",
      hint: "is it locked, or did somebody decline? `ssh-add -l`",
    });
  try {
    if (bytes[0] !== expected) throw new RangeError(`message ${bytes[0]}`);
    const reader = new SshReader(bytes.subarray(1));
    const value = read(reader);
    reader.end();
    return value;
  } catch (cause) {
    throw new SignerError({
      code: "AGENT_FAILED",
      message: "what answers as ssh-agent does not speak its protocol",
      hint: "check `SSH_AUTH_SOCK`",
      cause,
    });
  }
}

function plainSignature(key: SshPublicKey, signature: Uint8Array): Uint8Array {
  try {
    const reader = new SshReader(signature);
    if (reader.text() !== key.type) throw new RangeError("another format");
    const bytes = reader.string();
    reader.end();
    return key.type === "ssh-ed25519" ? bytes : ecdsaDer(bytes);
  } catch (cause) {
    throw wrong(cause);
  }
}

function plainKeyOf({ type, spki }: SshPublicKey) {
  return type === "ssh-ed25519" || type === "ecdsa-sha2-nistp256" ? publicKeyFromSpki(spki) : undefined;
}

function wrong(cause?: unknown): SignerError {
  return new SignerError({
    code: "SIGNATURE_WRONG",
    message: "ssh-agent answered with something that is no signature by the key",
    hint: "check `SSH_AUTH_SOCK`",
    cause,
  });
}
