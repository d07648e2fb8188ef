import { runProcess } from "./run-process.ts";

/** How long the agent keeps the key, in seconds: a login takes less, and an agent that outlives us forgets it. */
const LIFETIME = 120;

/** Programs of OpenSSH, by path. */
export interface AgentPrograms {
  readonly agent: string;
  readonly add: string;
}

/** The agent did not take the key. */
export class KeyRefused extends Error {
  readonly code = "KEY_UNREADABLE";
}

/**
 * Starts an ssh-agent of one call and gives it the private key over a pipe, so that the key is never in a file.
 *
 * @param key a private key without a passphrase, in a form that OpenSSH reads.
 * @param path of the agent's socket, in a folder that only this user may enter.
 * @returns what ends the agent, and resolves when it has ended. @throws KeyRefused, SpawnFault.
 */
export async function startKeyAgent(
  programs: AgentPrograms,
  key: string,
  path: string,
  options: {
    readonly cwd: string;
    readonly environment: Record<string, string>;
    readonly signal: AbortSignal;
  },
): Promise<() => Promise<void>> {
  const { signal } = options;
  const stop = new AbortController();
  const ready = Promise.withResolvers<void>();
  const ended = runProcess({
    ...options,
    path: programs.agent,
    argv0: "ssh-agent",
    // In the foreground; it prints where its socket is once it listens.
    args: ["-D", "-a", path],
    stdin: undefined,
    signal: AbortSignal.any([signal, stop.signal]),
    onStdout: async () => ready.resolve(),
    onStderr: async () => undefined,
  });
  ended.then(() => ready.reject(new KeyRefused("the key agent ended")), ready.reject);
  const end = async () => {
    stop.abort();
    await ended.catch(() => undefined);
  };
  try {
    await ready.promise;
    const { exitCode } = await runProcess({
      ...options,
      path: programs.add,
      argv0: "ssh-add",
      args: ["-q", "-t", String(LIFETIME), "-"],
      environment: { ...options.environment, SSH_AUTH_SOCK: path },
      stdin: key.endsWith("\n") ? key : `${key}\n`,
      onStdout: async () => undefined,
      // What it says quotes what it was given.
      onStderr: async () => undefined,
    });
    if (exitCode === 0) return end;
    throw new KeyRefused("the secret is no private key that OpenSSH reads without a passphrase");
  } catch (error) {
    await end();
    throw error;
  }
}
