import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { referenceOf } from "../contract/contract.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import { parseContract } from "../contract/parse-contract.ts";
import { peek, readText } from "../store/document-files.ts";
import type { CatalogEntry, WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { notFound, usage } from "./cli-error.ts";

/**
 * A contract as people name it: the path of a file, `id@version`, or an id that the catalog has once. What only
 * `catalog/drafts/` has is found too; no lock holds it, so that it is called with `--draft` only.
 *
 * @throws ContractError with every fault; DefinitionsError or CliError `NOT_FOUND`; CliError `USAGE`.
 */
export function findContract(definitions: () => WorkspaceDefinitions, name: string): CatalogEntry {
  if (/[/\\]|\.ya?ml$/.test(name)) {
    const path = resolve(name);
    if (!existsSync(path)) throw notFound(`there is no contract at \`${name}\``, "check the path");
    const contract = parseContract(readText(path, dirname(path)), { file: name });
    return { contract, digest: digestOfDocument(contract), file: name };
  }
  const catalog = definitions();
  if (name.includes("@")) return catalog.draft(name) ?? { file: "", ...catalog.contract(name) };
  const versions = catalog.catalogFiles().flatMap((file) => {
    const head = peek(resolve(catalog.root, file));
    return head.id === name && head.version !== undefined ? [`${name}@${head.version}`] : [];
  });
  const [only] = versions;
  if (only === undefined) {
    const draft = catalog.draft(name);
    if (draft !== undefined) return draft;
    throw notFound(`the catalog has no contract \`${name}\``, "witnessops catalog list");
  }
  if (versions.length > 1) throw usage(`the catalog has ${name} in several versions`, versions.join(", "));
  return { file: "", ...catalog.contract(only) };
}

/** `id@version` of a catalog entry. */
export function nameOfEntry({ contract }: CatalogEntry): string {
  return referenceOf(contract);
}
