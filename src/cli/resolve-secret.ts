import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

const MAX_BYTES = 64 * 1024;
const MAX_MILLIS = 10_000;

/** A secret's value, or in plain words why there is none. The words never hold the value. */
export type ResolvedSecret =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly message: string };

/**
 * Resolves a secret reference just before a call (design section 7): `env:NAME`, `file:path` (one trailing line feed
 * is dropped), or `exec:program arg …` (split at spaces, no shell; its standard output likewise).
 *
 * @param root folder that paths are relative to.
 */
export async function resolveSecret(reference: string, root: string): Promise<ResolvedSecret> {
  const [kind, rest] = [
    reference.slice(0, reference.indexOf(":")),
    reference.slice(reference.indexOf(":") + 1),
  ];
  switch (kind) {
    case "env":
      return found(process.env[rest], `the variable \`${rest}\` is not set`);
    case "file":
      return fromFile(resolve(root, rest));
    case "exec":
      return fromProgram(rest.split(" ").filter(Boolean), root);
    default:
      return { ok: false, message: "a secret reference is `env:`, `file:` or `exec:`" };
  }
}

async function fromFile(path: string): Promise<ResolvedSecret> {
  try {
    const text = await readFile(path, "utf8");
    return found(text.replace(/\r?\n$/, ""), `the file \`${path}\` is empty`);
  } catch (error) {
    return {
      ok: false,
      message: `the file \`${path}\` cannot be read (${(error as NodeJS.ErrnoException).code})`,
    };
  }
}

function fromProgram([program = "", ...args]: string[], root: string): Promise<ResolvedSecret> {
  return new Promise((done) => {
    const options = { cwd: root, maxBuffer: MAX_BYTES, timeout: MAX_MILLIS, encoding: "utf8" } as const;
    execFile(program, args, options, (error, stdout) => {
      if (error === null) done(found(stdout.replace(/\r?\n$/, ""), `\`${program}\` printed nothing`));
      else done({ ok: false, message: `\`${program}\` did not give it (${error.code ?? error.signal})` });
    });
  });
}

function found(value: string | undefined, otherwise: string): ResolvedSecret {
  return value === undefined || value === "" ? { ok: false, message: otherwise } : { ok: true, value };
}
