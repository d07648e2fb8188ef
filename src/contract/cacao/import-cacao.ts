import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { ContractError } from "../contract-error.ts";
import { pathText } from "../fault.ts";
import { DECIDE } from "../undecided.ts";
import { checkPlaybook, loseRest } from "./check-playbook.ts";
import { classify } from "./classify.ts";
import { draftSteps } from "./draft-steps.ts";
import { type Deviation, importReport, type Loss } from "./import-report.ts";
import { refuseInlineSecrets } from "./inline-secrets.ts";
import { objectOf, shortText, slug, textOf } from "./playbook-text.ts";
import { playbookVariables } from "./playbook-variables.ts";
import type { SourcePlaybook } from "./read-playbook.ts";
import type { CheckedSignature } from "./verify-signatures.ts";
import { readWorkflow } from "./workflow-graph.ts";

const TARGET_MEMBERS = ["type", "name", "address", "port", "authentication_info", "sector", "category"];

/** What a playbook became. */
export interface ImportedPlaybook {
  readonly runbook: JsonObject;
  /** By id, without the version. */
  readonly contracts: readonly JsonObject[];
  readonly losses: readonly Loss[];
  readonly deviations: readonly Deviation[];
}

/**
 * Drafts a runbook and its contracts from a CACAO 2.0 playbook. Nothing is called. What the drafts do not keep is listed,
 * each with what a person has to decide; every part that nobody decided says `decide:`, which lint refuses.
 *
 * @param options.prefix id of the runbook and first part of the contracts' ids; default: from the playbook's name.
 * @param options.tolerant goes on after departures from the standard, and lists them.
 * @param options.signatures what became of its signatures, for the runbook's `source`.
 * @throws ContractError `DOCUMENT_INVALID` with every fault.
 */
export function importCacao(
  source: SourcePlaybook,
  options: {
    readonly subject: string;
    readonly prefix?: string | undefined;
    readonly tolerant: boolean;
    readonly signatures: readonly CheckedSignature[];
  },
): ImportedPlaybook {
  const to = importReport(options.tolerant);
  const playbook = source.value;
  refuseInlineSecrets(playbook, to);
  checkPlaybook(playbook, to);
  const finish = (): void => {
    if (to.faults.length === 0) return;
    throw new ContractError({
      code: "DOCUMENT_INVALID",
      subject: options.subject,
      faults: to.faults,
      hint: "have the playbook corrected; `--tolerant` goes on after departures from the standard, not after the rest",
    });
  };
  const graph = readWorkflow(playbook, options.tolerant, to);
  finish();
  const name = textOf(playbook, "name") ?? "playbook";
  const prefix = options.prefix ?? slug(name, "playbook");
  const classification = classify(playbook, to);
  const variables = playbookVariables(playbook, to);
  const drafted = draftSteps(playbook, graph, variables, prefix, sensitivityOf(classification), to);
  loseRest(playbook, to);
  for (const [id, info] of Object.entries(objectOf(playbook, "authentication_info_definitions")))
    if (isJsonObject(info) && !drafted.credentials.has(id))
      to.lose(
        id,
        pathText(["authentication_info_definitions", id]),
        "a credential; no draft carries it",
        "which contract needs it, and where the secret is",
      );
  for (const dictionary of ["agent_definitions", "target_definitions"])
    for (const [id, object] of Object.entries(objectOf(playbook, dictionary))) {
      const more = Object.keys(isJsonObject(object) ? object : {}).filter(
        (member) => !TARGET_MEMBERS.includes(member),
      );
      if (more.length > 0)
        to.lose(
          id,
          pathText([dictionary, id]),
          `${more.map((member) => `\`${shortText(member, 60)}\``).join(", ")} of it`,
          "whether people who do the steps need them",
        );
    }
  finish();
  const runbook = {
    apiVersion: "witnessops/v1",
    kind: "Runbook",
    id: prefix,
    version: "1.0.0",
    title: shortText(name),
    classification,
    owner: `${DECIDE} who answers for it; the playbook is by ${shortText(textOf(playbook, "created_by") ?? "nobody named", 80)}`,
    objective: textOf(playbook, "description")?.trim().slice(0, 4000) || `${DECIDE} what it is for`,
    source: {
      format: "cacao-2.0",
      id: shortText(textOf(playbook, "id") ?? "none"),
      modified: shortText(textOf(playbook, "modified") ?? "unknown", 40),
      digest: source.digest,
      ...(options.signatures.length > 0
        ? {
            signatures: options.signatures.map(({ id, verdict, key }) => ({
              id: shortText(id),
              verdict,
              ...(key === undefined ? {} : { key }),
            })),
          }
        : {}),
    },
    inputs: variables.inputs(),
    scope: {
      include: drafted.scope.length > 0 ? drafted.scope : [`${DECIDE} what the runbook may be about`],
    },
    steps: drafted.steps,
  } as JsonObject;
  return { runbook, contracts: drafted.contracts, losses: to.losses, deviations: to.deviations };
}

/** Artifacts of a classified runbook; `secret` artifacts are another thing, and a person's choice. */
function sensitivityOf(classification: string): string {
  if (classification === "restricted") return "confidential";
  return classification.startsWith(DECIDE) ? "internal" : classification;
}
