import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { millisOfDuration } from "../format/duration.ts";
import { parsePublicKey } from "../format/public-key.ts";
import type { Signer } from "../format/signer.ts";
import { execSigner } from "../infrastructure/exec-signer/exec-signer.ts";
import { openAgentKey } from "../infrastructure/ssh-agent/agent-key.ts";
import { openKeyFile } from "../store/key-file.ts";
import { type KeyHolder, parseKeyHolder } from "../store/key-holder.ts";
import { CliError } from "./cli-error.ts";
import { passphrase } from "./passphrase.ts";

const AGENT = "agent:";

/**
 * Opens what a `--key` names: a key file, `agent:<fingerprint>` for a key that ssh-agent holds, or a `.yaml` file that says
 * where the key is held.
 *
 * @throws KeyFileError, SignerError; ContractError for a malformed `.yaml`; CliError `INPUT_MALFORMED`.
 */
export async function openSigner(text: string): Promise<Signer> {
  const agent = agentFingerprint(text);
  if (agent !== undefined) return (await openAgentKey(agent)).plain();
  if (!/\.ya?ml$/.test(text)) return openKeyFile(text, { passphrase: passphrase() });
  const holder = parseKeyHolder(readFileSync(text, "utf8"), text);
  return openHolder(holder, dirname(resolve(text)));
}

/** The fingerprint in `agent:<fingerprint>`; undefined for anything else. */
export function agentFingerprint(text: string): string | undefined {
  return text.startsWith(AGENT) ? text.slice(AGENT.length) : undefined;
}

/**
 * Opens a key where its holder keeps it.
 *
 * @param folder what relative paths are resolved against, and where a command is started.
 * @throws KeyFileError, SignerError; CliError `INPUT_MALFORMED` when it is not said where the key is.
 */
export async function openHolder(holder: KeyHolder, folder: string): Promise<Signer> {
  checkHolder(holder);
  const { file, agent, exec, publicKey, input, timeout } = holder;
  if (file !== undefined) return openKeyFile(resolve(folder, file), { passphrase: passphrase() });
  if (agent !== undefined) return (await openAgentKey(agent)).plain();
  return execSigner(exec ?? [], parsePublicKey(publicKey ?? ""), {
    cwd: folder,
    ...(input === undefined ? {} : { input }),
    ...(timeout === undefined ? {} : { timeout: millisOfDuration(timeout) }),
  });
}

/** Whether the key is one that this host does not reach: only its public half is known. */
export function isElsewhere({ file, agent, exec, publicKey }: KeyHolder): boolean {
  return publicKey !== undefined && file === undefined && agent === undefined && exec === undefined;
}

function checkHolder({ file, agent, exec, publicKey, input, timeout }: KeyHolder): void {
  const ways = [file, agent, exec].filter((way) => way !== undefined).length;
  const refuse = (message: string): never => {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message,
      hint: "a key is held in one place: `file`, `agent`, or `exec` with its `publicKey`",
    });
  };
  if (ways !== 1)
    refuse(ways === 0 ? "it is not said where the key is held" : "the key is held in several places");
  if (exec === undefined && (publicKey ?? input ?? timeout) !== undefined)
    refuse("`publicKey`, `input` and `timeout` belong to `exec`");
  if (exec !== undefined && publicKey === undefined)
    refuse("`exec` needs the `publicKey` that it signs with");
  if (input === "digest" && parsePublicKey(publicKey ?? "").algorithm === "ed25519")
    refuse("Ed25519 signs messages, not digests");
}
