import type { Runbook } from "../contract/runbook.ts";
import type { JsonObject } from "../format/json.ts";
import type { RunRequest } from "../run/start-run.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { usage } from "./cli-error.ts";
import { option, repeatedOption } from "./command.ts";
import { readJsonObject, readPairs } from "./read-input.ts";

/** Options that `run start`, `runbook plan` and `call` share. */
export const requestParameters = {
  engagement: option("--engagement <id>", "engagement to run in (default: the only one)"),
  as: option("--as <principal>", "who asks (default: the workspace's owner)"),
  objective: option("--objective <text>", "why (default: the runbook's objective)"),
  ticket: option("--ticket <id>", "ticket that it belongs to"),
};

export const inputParameters = {
  input: repeatedOption("--input <name=value>", "an input; lists and numbers as JSON; may be given again"),
  inputs: option("--inputs <file>", "inputs as a JSON object"),
};

interface GivenRequest {
  readonly engagement: string | undefined;
  readonly as: string | undefined;
  readonly objective: string | undefined;
  readonly ticket: string | undefined;
}

/** The request that the options describe. */
export function requestOf(
  definitions: WorkspaceDefinitions,
  runbook: Runbook,
  inputs: JsonObject,
  { engagement, as, objective, ticket }: GivenRequest,
): RunRequest {
  return {
    runbook,
    engagement: engagement ?? onlyEngagement(definitions),
    inputs,
    requester: as ?? definitions.workspace().owner,
    ...(objective === undefined ? {} : { objective }),
    ...(ticket === undefined ? {} : { ticket }),
  };
}

/** Inputs from a file, with those of the command line over them. */
export function inputsOf(
  schema: JsonObject,
  given: { readonly input: readonly string[]; readonly inputs: string | undefined },
): JsonObject {
  const fromFile = given.inputs === undefined ? {} : readJsonObject(given.inputs);
  return { ...fromFile, ...readPairs(given.input, schema) };
}

/** The engagement of a workspace that has one. @throws CliError `USAGE`. */
export function onlyEngagement(definitions: WorkspaceDefinitions): string {
  const ids = definitions.engagements().map(({ id }) => id);
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return only;
  if (ids.length === 0)
    throw usage("the workspace has no engagement", "witnessops engagement new <id> --include <target>");
  throw usage("the workspace has several engagements", `add \`--engagement\`: ${ids.join(", ")}`);
}
