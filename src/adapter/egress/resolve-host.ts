import { promises as dns } from "node:dns";
import { lookup } from "node:dns/promises";
import { NetworkFault } from "../network.ts";
import { codeOf, throwIfAborted } from "./network-fault.ts";

/**
 * All addresses of a name, asked once: of `resolvers` (`ip:port`) when there are any, else of the host's own
 * resolution (hosts file included).
 *
 * @throws NetworkFault phase `resolve`: `ENOTFOUND` when the name has no address, or the resolver's code.
 */
export async function resolveHost(
  host: string,
  resolvers: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  throwIfAborted(signal, "resolve");
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const resolver = resolvers.length > 0 ? new dns.Resolver({ timeout: 2000, tries: 3 }) : undefined;
  resolver?.setServers([...resolvers]);
  const onAbort = () => {
    resolver?.cancel();
    try {
      throwIfAborted(signal, "resolve");
    } catch (error) {
      aborted.reject(error);
    }
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const answer = resolver === undefined ? askHost(host) : askResolver(resolver, host);
    answer.catch(() => undefined);
    return await Promise.race([answer, aborted.promise]);
  } catch (error) {
    if (error instanceof NetworkFault) throw error;
    throw new NetworkFault(codeOf(error), "resolve", `\`${host}\` does not resolve`, error);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function askHost(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

async function askResolver(resolver: dns.Resolver, host: string): Promise<string[]> {
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found = [...addressesOf(v4), ...addressesOf(v6)];
  // An address family that could not be asked leaves addresses undecided: then nothing is dialled.
  for (const answer of [v4, v6]) {
    if (answer.status === "rejected" && !isAbsence(codeOf(answer.reason))) throw answer.reason;
  }
  if (found.length === 0 && v4.status === "rejected") throw v4.reason;
  return found;
}

function addressesOf(answer: PromiseSettledResult<string[]>): string[] {
  return answer.status === "fulfilled" ? answer.value : [];
}

function isAbsence(code: string): boolean {
  return code === "ENODATA" || code === "ENOTFOUND";
}
