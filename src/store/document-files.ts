import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { ContractError } from "../contract/contract-error.ts";
import { MAX_DOCUMENT_BYTES } from "../contract/parse-yaml.ts";

const HEAD_BYTES = 4096;

/** Paths of the YAML files under a folder, sorted; hidden files and links to folders are left out. */
export function yamlFiles(folder: string): string[] {
  return filesUnder(folder).filter((path) => /\.ya?ml$/.test(path));
}

/** Paths of the files under a folder, sorted; hidden ones are left out. */
export function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...filesUnder(path));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}

/**
 * Text of a document; one over 1 MiB is not read.
 *
 * @param root what its name is shown relative to.
 * @throws ContractError `DOCUMENT_TOO_LARGE`.
 */
export function readText(path: string, root: string): string {
  if (statSync(path).size > MAX_DOCUMENT_BYTES) {
    throw new ContractError({
      code: "DOCUMENT_TOO_LARGE",
      subject: relative(root, path),
      faults: [{ path: "", code: "malformed", message: "the document is larger than 1 MiB" }],
    });
  }
  return readFileSync(path, "utf8");
}

/**
 * `id` and `version` as they stand at the beginning of lines near the start of a file: enough to tell which file to
 * parse, and checked again after parsing.
 */
export function peek(path: string): { id: string | undefined; version: string | undefined } {
  const buffer = Buffer.alloc(HEAD_BYTES);
  const file = openSync(path, "r");
  let length: number;
  try {
    length = readSync(file, buffer, 0, HEAD_BYTES, 0);
  } finally {
    closeSync(file);
  }
  const head = buffer.toString("utf8", 0, length);
  const member = (name: string): string | undefined =>
    new RegExp(`^["']?${name}["']?:\\s*["']?([^\\s"'#]+)`, "m").exec(head)?.[1];
  return { id: member("id"), version: member("version") };
}
