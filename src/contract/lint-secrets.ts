import type { Contract } from "./contract.ts";
import type { FindingList } from "./finding.ts";

/** Adapters that sign with a key, and those of them that take no other secret. */
const KEYED = new Set(["git", "s3", "ssh"]);
const ONLY_KEYS = new Set(["s3", "ssh"]);
/** Adapters that log in with a password. */
const LOGS_IN: ReadonlySet<string> = new Set(["ldap", "smtp", "sql"]);

/** Where secrets go: only where the adapter puts them, and only over TLS to a literal origin. */
export function lintSecrets({ execution }: Contract, to: FindingList): void {
  const secrets = execution.secrets ?? [];
  for (const [index, { into }] of secrets.entries()) {
    if ((into.kind === "password") !== LOGS_IN.has(execution.adapter)) {
      to.error(
        `execution.secrets[${index}].into.kind`,
        "`password` is of `ldap`, `smtp` and `sql`, which take nothing else",
      );
      continue;
    }
    if (into.kind === "key" && !KEYED.has(execution.adapter)) {
      to.error(
        `execution.secrets[${index}].into.kind`,
        "`key` is of adapters that sign: `git`, `s3` and `ssh`",
      );
      continue;
    }
    if (into.kind !== "key" && ONLY_KEYS.has(execution.adapter)) {
      to.error(`execution.secrets[${index}].into.kind`, `\`${execution.adapter}\` takes only a \`key\``);
      continue;
    }
    const isEnvironment = into.kind === "env";
    if (isEnvironment !== (execution.adapter === "exec")) {
      const where = isEnvironment
        ? "only tools run by `exec` have an environment"
        : "only HTTP requests have headers, queries and paths";
      to.error(`execution.secrets[${index}].into.kind`, where);
    }
    if (into.kind === "cookie" && execution.adapter !== "openapi")
      to.error(`execution.secrets[${index}].into.kind`, "`cookie` is of `openapi` only");
    if (into.kind === "query") {
      to.warning(
        `execution.secrets[${index}].into.kind`,
        "a secret in a query ends up in logs; prefer a header",
      );
    }
  }
  for (const [index, { into }] of secrets.entries()) {
    const url = execution.with.url;
    if (into.kind === "path" && !(typeof url === "string" && url.includes(`{${into.name}}`)))
      to.error(`execution.secrets[${index}].into.name`, `\`execution.with.url\` has no \`{${into.name}}\``);
  }
  if (secrets.length === 0 || (execution.adapter !== "http" && execution.adapter !== "openapi")) return;
  const name = execution.adapter === "http" ? "url" : "server";
  const base = execution.with[name];
  if (typeof base !== "string" || !isHttpsOnly(base)) {
    to.error(
      `execution.with.${name}`,
      "must begin with a literal `'https://`, end it at a host's edge, and only add to it: a secret goes with it",
    );
  }
}

/**
 * Whether text in CEL is, whatever the inputs, a URL with `https`: a literal that begins so, alone or with more added;
 * outside texts, calls and parentheses nothing but `+` may follow. The literal has the whole origin, or leaves the whole
 * host, or the port, to what is added: that the host is in scope and an endpoint of the contract, the gates and the guard see
 * to. It never ends within a host name.
 */
function isHttpsOnly(text: string): boolean {
  const match = /^\s*(['"])https:\/\/([A-Za-z0-9.[\]-]+(:[0-9]*)?)?(\/(?:(?!\1)[^\\])*)?\1\s*/.exec(text);
  if (match === null) return false;
  const [whole, , origin, port, path] = match;
  let rest = text.slice(whole.length).replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "x");
  if (rest === "") return origin !== undefined && port !== ":";
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(/\([^()[\]]*\)|\[[^()[\]]*\]/g, "");
  }
  const isOpen = path !== undefined || origin === undefined || port === ":";
  return isOpen && /^\+[\sA-Za-z0-9_.+]*$/.test(rest) && !/\sin\s/.test(rest);
}
