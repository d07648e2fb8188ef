import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { type CatalogChecks, parseCatalogChecks } from "../contract/catalog-checks.ts";
import type { CatalogLock } from "../contract/catalog-lock.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import type { Engagement } from "../contract/engagement.ts";
import { parseCatalogLock } from "../contract/parse-catalog-lock.ts";
import { parseContract } from "../contract/parse-contract.ts";
import { parseEngagement } from "../contract/parse-engagement.ts";
import { parsePrincipal, principalSetFromJson } from "../contract/parse-principal.ts";
import { parseRunbook } from "../contract/parse-runbook.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { Runbook } from "../contract/runbook.ts";
import { parseJson } from "../format/canonical-json.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { type Envelope, envelopeFromJson } from "../format/dsse.ts";
import type { Definitions } from "../run/definitions.ts";
import { type ContractSummary, summarizeContracts } from "./catalog-index.ts";
import { DefinitionsError } from "./definitions-error.ts";
import { filesUnder, peek, readText, yamlFiles } from "./document-files.ts";
import { readPolicyFolder } from "./policy-folder.ts";
import { parseWorkspace, type Workspace } from "./workspace-file.ts";

/** A contract with its digest and the file it stands in, relative to the workspace. */
export interface CatalogEntry {
  readonly contract: Contract;
  readonly digest: Digest;
  readonly file: string;
}

/** A runbook with its digest and the file it stands in, relative to the workspace. */
export interface RunbookEntry {
  readonly runbook: Runbook;
  readonly digest: Digest;
  readonly file: string;
}

/** The authored documents of a workspace folder, read when they are asked for. */
export interface WorkspaceDefinitions extends Definitions {
  readonly root: string;
  workspace(): Workspace;
  /** How the contracts were checked, where `catalog/checks.json` says. */
  checks(): CatalogChecks | undefined;
  /** Every contract of the catalog but its drafts, sorted by file. @throws at the first that cannot be parsed. */
  contracts(): CatalogEntry[];
  /**
   * What a list shows of them, and of `catalog/drafts/`: contracts that were held against nothing but documentation, and
   * which no lock takes. `unreadable`: files that cannot be parsed, such as a draft that nobody has decided yet.
   */
  contractSummaries(): {
    readonly contracts: ContractSummary[];
    readonly drafts: ContractSummary[];
    readonly unreadable: readonly string[];
  };
  /** Paths of the catalog's files, relative to the workspace. */
  catalogFiles(): string[];
  /** Paths of the drafts' files, relative to the workspace. */
  draftFiles(): string[];
  /** The draft of that `id` or `id@version`, where `catalog/drafts/` has it. @throws when it cannot be parsed. */
  draft(name: string): CatalogEntry | undefined;
  /** Paths of the runbooks' files, relative to the workspace. */
  runbookFiles(): string[];
  /** Every runbook, sorted by file. @throws at the first that cannot be parsed. */
  runbooks(): RunbookEntry[];
  engagements(): Engagement[];
  /** Path of the file that an engagement stands in. @throws DefinitionsError `NOT_FOUND`. */
  engagementFile(id: string): string;
  /** Where the authorization record of an engagement belongs. */
  authorizationFile(id: string): string;
}

/**
 * Opens the definitions of a workspace. Nothing is read before it is asked for, and only what is asked for.
 *
 * @param options.cedarLanguageVersion the policy language of this build; recorded in the policy set.
 */
export function openDefinitions(
  root: string,
  { cedarLanguageVersion }: { readonly cedarLanguageVersion: string },
): WorkspaceDefinitions {
  const at = (...parts: string[]): string => join(root, ...parts);
  const named = (path: string): string => relative(root, path);
  const text = (path: string): string => readText(path, root);

  const drafts = at("catalog", "drafts");
  const isDraft = (path: string): boolean => path.startsWith(drafts + sep);
  const catalogPaths = (): string[] => yamlFiles(at("catalog")).filter((path) => !isDraft(path));

  function entryOf(path: string): CatalogEntry {
    const contract = parseContract(text(path), { file: named(path) });
    return { contract, digest: digestOfDocument(contract), file: named(path) };
  }

  return {
    root,
    workspace: () => parseWorkspace(text(at("witnessops.yaml")), "witnessops.yaml"),

    lock(): CatalogLock {
      const path = at("catalog.lock.json");
      if (!existsSync(path)) throw missing("the catalog has no lock", "witnessops catalog lock");
      return parseCatalogLock(text(path), { file: named(path) });
    },

    checks() {
      const path = at("catalog", "checks.json");
      return existsSync(path) ? parseCatalogChecks(text(path), { file: named(path) }) : undefined;
    },

    contract(reference) {
      for (const path of candidates(at("catalog"), reference)) {
        if (isDraft(path)) continue;
        const entry = entryOf(path);
        if (referenceOf(entry.contract) === reference) return entry;
      }
      throw missing(`the catalog has no contract \`${reference}\``, "witnessops catalog list");
    },

    contracts: () => catalogPaths().map(entryOf),
    contractSummaries() {
      const unreadable: string[] = [];
      const all = summarizeContracts(root, yamlFiles(at("catalog")), (file) => unreadable.push(file));
      return {
        unreadable,
        contracts: all.filter(({ file }) => !isDraft(at(file))),
        drafts: all.filter(({ file }) => isDraft(at(file))),
      };
    },
    catalogFiles: () => catalogPaths().map(named),
    draftFiles: () => yamlFiles(drafts).map(named),
    draft(name) {
      const found = yamlFiles(drafts).find((path) => {
        const { id, version } = peek(path);
        return name === id || name === `${id}@${version}`;
      });
      return found === undefined ? undefined : entryOf(found);
    },
    runbooks: () =>
      yamlFiles(at("runbooks")).map((path) => {
        const runbook = parseRunbook(text(path), { file: named(path) });
        return { runbook, digest: digestOfDocument(runbook), file: named(path) };
      }),
    runbookFiles: () => yamlFiles(at("runbooks")).map(named),

    runbook(idOrPath): Runbook {
      if (/[/\\]|\.ya?ml$/.test(idOrPath)) {
        const path = resolve(idOrPath);
        if (!existsSync(path))
          throw missing(`there is no runbook at \`${idOrPath}\``, "witnessops runbook list");
        return parseRunbook(text(path), { file: idOrPath });
      }
      const path = uniqueById(at("runbooks"), idOrPath);
      if (path === undefined) throw missing(`there is no runbook \`${idOrPath}\``, "ls runbooks");
      return parseRunbook(text(path), { file: named(path) });
    },

    engagement(id) {
      return parseEngagement(text(engagementPath(id)), { file: named(engagementPath(id)) });
    },
    engagements: () =>
      yamlFiles(at("engagements")).map((path) => parseEngagement(text(path), { file: named(path) })),
    engagementFile: engagementPath,
    authorizationFile: (id) => at("engagements", `${id}.authorization.json`),

    letters(id) {
      const folder = at("letters", id);
      return new Set(filesUnder(folder).map((path) => digestOf(readFileSync(path))));
    },

    principals(): PrincipalSet {
      const principals = yamlFiles(at("principals")).map((path) =>
        parsePrincipal(text(path), { file: named(path) }),
      );
      principals.sort((a, b) => (a.id < b.id ? -1 : 1));
      return principalSetFromJson({ apiVersion: "witnessops/v1", kind: "PrincipalSet", principals });
    },

    policies: () => readPolicyFolder(at("policies"), cedarLanguageVersion),

    authorization(engagement): Envelope | undefined {
      const path = at("engagements", `${engagement}.authorization.json`);
      if (!existsSync(path)) return undefined;
      return envelopeFromJson(parseJson(new TextEncoder().encode(text(path))));
    },
  };

  function engagementPath(id: string): string {
    const path = uniqueById(at("engagements"), id);
    if (path !== undefined) return path;
    throw missing(`there is no engagement \`${id}\``, `witnessops engagement new ${id}`);
  }
}

/**
 * Files that may hold `id@version`: those that say so near their start, the conventional names
 * (`tls/inspect.yaml`, `tls.inspect.yaml`) first, so that a large catalog is not searched.
 */
function* candidates(catalog: string, reference: string): Generator<string> {
  const [id = "", version = ""] = reference.split("@");
  const usual = [id.replaceAll(".", "/"), id.replace(".", "/"), id, reference].map((name) =>
    join(catalog, `${name}.yaml`),
  );
  const seen = new Set<string>();
  for (const path of usual) {
    if (seen.has(path) || !existsSync(path)) continue;
    seen.add(path);
    const head = peek(path);
    if (head.id === id && head.version === version) yield path;
  }
  for (const path of yamlFiles(catalog)) {
    if (seen.has(path)) continue;
    const head = peek(path);
    if (head.id === id && head.version === version) yield path;
  }
}

/** The one file of a folder whose document has this id. */
function uniqueById(folder: string, id: string): string | undefined {
  const found = yamlFiles(folder).filter((path) => peek(path).id === id);
  if (found.length > 1) {
    throw new DefinitionsError({
      code: "AMBIGUOUS",
      message: `${found.map((path) => `\`${basename(path)}\``).join(" and ")} both say they are \`${id}\``,
      hint: "keep one of them, or name the file",
    });
  }
  return found[0];
}

function missing(message: string, hint: string): DefinitionsError {
  return new DefinitionsError({ code: "NOT_FOUND", message, hint });
}
