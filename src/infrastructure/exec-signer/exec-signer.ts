import { fromBase64 } from "../../format/base64.ts";
import { sha256, verifySignature } from "../../format/crypto.ts";
import { derInteger, derSequence } from "../../format/der.ts";
import type { PublicKey } from "../../format/public-key.ts";
import type { Signer } from "../../format/signer.ts";
import { SignerError } from "../signer-error.ts";
import { runCommand } from "./run-command.ts";

/** A command that signs, such as one of a KMS or HSM. */
export interface ExecSignerOptions {
  /** What it reads on standard input: the whole message (default), or its SHA-256 in 32 bytes, for P-256 only. */
  readonly input?: "message" | "digest";
  /** Milliseconds for one signature; default 30,000. */
  readonly timeout?: number;
  /** Folder that it is started in; default the process's own. */
  readonly cwd?: string;
}

/**
 * Signs with a command: no shell, bounded time and output, and nothing that it answers is used before it was checked
 * against the declared public key. It answers on standard output with the signature, as bytes or in base64: Ed25519 in
 * 64 bytes; P-256 in DER, or as `r ‖ s` in 64 bytes, which is turned into DER.
 *
 * @throws SignerError from `sign`: `COMMAND_FAILED`, `SIGNATURE_WRONG`.
 */
export function execSigner(
  argv: readonly string[],
  publicKey: PublicKey,
  { input = "message", timeout = 30_000, cwd }: ExecSignerOptions = {},
): Signer {
  return Object.freeze({
    publicKey,
    async sign(message: Uint8Array): Promise<Uint8Array> {
      const given = input === "digest" ? sha256(message) : message;
      const output = await runCommand(argv, given, { timeout, ...(cwd === undefined ? {} : { cwd }) });
      for (const candidate of candidates(output, publicKey))
        if (await verifySignature(publicKey, message, candidate)) return candidate;
      throw new SignerError({
        code: "SIGNATURE_WRONG",
        message: `what \`${argv[0]}\` answered is no signature by the key ${publicKey.keyId}`,
        hint: "check the command, the key that it signs with, and whether it wants `input: digest`",
      });
    },
  });
}

/** What the output may mean. Only what verifies is ever used, so that nothing hangs on a wrong guess. */
function candidates(output: Uint8Array, { algorithm }: PublicKey): Uint8Array[] {
  const read = [output];
  try {
    read.push(fromBase64(new TextDecoder("utf-8", { fatal: true }).decode(output).replace(/\s+/g, "")));
  } catch {
    // It is no text, or no base64.
  }
  if (algorithm === "ed25519") return read;
  return read.flatMap((bytes) => (bytes.length === 64 ? [bytes, derOf(bytes)] : [bytes]));
}

/** ECDSA's `r ‖ s` (IEEE P1363) in DER. */
function derOf(bytes: Uint8Array): Uint8Array {
  return derSequence(derInteger(shortest(bytes.subarray(0, 32))), derInteger(shortest(bytes.subarray(32))));
}

function shortest(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? Uint8Array.of(0) : bytes.subarray(first);
}
