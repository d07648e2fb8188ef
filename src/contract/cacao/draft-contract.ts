import type { JsonObject } from "../../format/json.ts";
import { DECIDE } from "../undecided.ts";
import { shortText } from "./playbook-text.ts";

/** What the contracts of all adapters have in common. */
export interface DraftParts {
  readonly id: string;
  readonly title: string;
  readonly purpose: string;
  /** Inputs of the contract with their schemas; all are required. */
  readonly inputs: Readonly<Record<string, JsonObject>>;
  readonly outputs: Readonly<Record<string, JsonObject>>;
  readonly subject: JsonObject;
  readonly sensitivity: string;
  /** Hint for what a person has to decide about the effect. */
  readonly activity: string | undefined;
}
/** What an adapter adds. */
export interface DraftCall {
  readonly execution: JsonObject;
  readonly endpoints?: readonly JsonObject[];
  readonly errors: readonly JsonObject[];
  readonly artifacts: readonly string[];
  readonly attests: string;
  readonly doesNotAttest: string;
  /** It waits for somebody and calls nobody. */
  readonly waits: boolean;
  readonly external: JsonObject | readonly string[];
}

/** A contract that says `decide:` wherever a person has to; what is not known counts as dangerous until then. */
export function draftContract(parts: DraftParts, call: DraftCall): JsonObject {
  const names = Object.keys(parts.inputs);
  const activity = parts.activity === undefined ? "" : `; the playbook says ${shortText(parts.activity, 60)}`;
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id: parts.id,
    version: "1.0.0",
    title: parts.title,
    purpose: parts.purpose,
    effect: call.waits ? "read" : `${DECIDE} read, write, intrusive or destructive${activity}`,
    inputs: {
      type: "object",
      additionalProperties: false,
      ...(names.length > 0 ? { required: names } : {}),
      properties: parts.inputs,
    },
    outputs: {
      type: "object",
      additionalProperties: false,
      required: Object.keys(parts.outputs),
      properties: parts.outputs,
    },
    errors: call.errors,
    scope: {
      subjects: [parts.subject],
      endpoints: call.endpoints ?? [],
      actions: [parts.title],
      disallowed: [`${DECIDE} what must never be done by it`],
    },
    authority: { roles: ["operator"], approval: call.waits ? "none" : "designated" },
    execution: call.execution,
    evidence: {
      artifacts: call.artifacts.map((name) => ({
        name,
        mediaType:
          name === "stdout" || name === "stderr"
            ? "text/plain"
            : name === "response-body"
              ? "application/octet-stream"
              : "application/json",
        required: true,
        sensitivity: parts.sensitivity,
      })),
      maxBytes: "16MB",
    },
    failure: { onFailure: "stop" },
    boundary: { external: call.external },
    attests: call.attests,
    doesNotAttest: call.doesNotAttest,
  } as JsonObject;
}
