import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { policySetFromJson } from "../contract/parse-policy-set.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import { DefinitionsError } from "./definitions-error.ts";
import { filesUnder, readText } from "./document-files.ts";

/**
 * Reads a folder of Cedar policies: `schema.cedarschema`, and every `.cedar` under it, each a policy by its file's name.
 *
 * @param cedarLanguageVersion the policy language of this build; recorded in the policy set.
 * @throws DefinitionsError `NOT_FOUND` without a schema; ContractError when it is no policy set.
 */
export function readPolicyFolder(folder: string, cedarLanguageVersion: string): PolicySet {
  const schema = join(folder, "schema.cedarschema");
  if (!existsSync(schema))
    throw new DefinitionsError({
      code: "NOT_FOUND",
      message: `\`${basename(folder)}/schema.cedarschema\` is missing`,
      hint: "witnessops init shows one",
    });
  const policies = filesUnder(folder)
    .filter((path) => path.endsWith(".cedar"))
    .map((path) => [basename(path, ".cedar"), readText(path, dirname(folder))] as const);
  return policySetFromJson({
    apiVersion: "witnessops/v1",
    kind: "PolicySet",
    language: { name: "cedar", version: cedarLanguageVersion },
    schema: readText(schema, dirname(folder)),
    policies: Object.fromEntries(policies),
  });
}
