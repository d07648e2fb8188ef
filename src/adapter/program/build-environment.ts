import { delimiter } from "node:path";
import type { SecretValue } from "../adapter.ts";

/** Variables of the host that every tool gets. */
const ALWAYS = ["LANG", "TZ"];
/** Variables that make the loader or a runtime run other code than the binary whose digest is recorded. */
const CODE = /^(LD_|DYLD_|NODE_OPTIONS$|PYTHON|PERL5|RUBYOPT$|BASH_ENV$|ENV$|GCONV_PATH$)/;

/**
 * The whole environment of a tool: PATH of the searched folders, LANG, TZ, what the contract declares, and
 * secrets. Undefined for a variable that would change which code runs: then its name is `refused`.
 */
export function buildEnvironment(
  parameters: { readonly env?: Readonly<Record<string, string>>; readonly passEnv?: readonly string[] },
  secrets: readonly SecretValue[],
  folders: readonly string[],
  host: NodeJS.ProcessEnv,
): { readonly environment: Record<string, string> } | { readonly refused: string } {
  const environment: Record<string, string> = {};
  const { env = {}, passEnv = [] } = parameters;
  for (const name of [...ALWAYS, ...passEnv]) {
    const value = host[name];
    if (value !== undefined) environment[name] = value;
  }
  Object.assign(environment, env);
  for (const { into, value } of secrets) if (into.kind === "env") environment[into.name] = value;
  const refused = Object.keys(environment).find((name) => CODE.test(name));
  if (refused !== undefined) return { refused };
  // Last: the tool finds its helpers where the tool itself was looked for.
  environment.PATH = folders.join(delimiter);
  return { environment };
}
