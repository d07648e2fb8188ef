import type { Json, JsonObject } from "../../format/json.ts";
import { decide, type Skeleton } from "./skeleton.ts";

/** What an author has said of a contract; everything else stays to be decided. */
export interface Authored {
  readonly id: string;
  readonly adapter: string;
  readonly title?: string | undefined;
  readonly purpose?: string | undefined;
  /** Name of the external system. */
  readonly system?: string | undefined;
  readonly docUrl?: string | undefined;
  readonly effect?: string | undefined;
  readonly idempotency?: string | undefined;
  readonly approval?: string | undefined;
  /** What makes the call this call; see `Skeleton.call`. */
  readonly call?: string | undefined;
  /** `<kind>=<expression>`: what the call is about. */
  readonly about?: string | undefined;
  readonly never?: string | undefined;
  readonly attests?: string | undefined;
  readonly doesNotAttest?: string | undefined;
}

/**
 * Drafts a contract of an adapter from nothing but what its author said: complete, with `decide:` at every part that a
 * person must decide and has not. Unknown counts as destructive, so that a draft asks for a designated approval.
 */
export function draftContract(authored: Authored, skeleton: Skeleton): JsonObject {
  const { id, adapter, docUrl } = authored;
  const system = id.split(".", 1)[0] ?? id;
  const secrets = skeleton.secrets?.(system);
  const call = authored.call === undefined ? decide(skeleton.call) : quoted(authored.call);
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id,
    version: "1.0.0",
    title: authored.title ?? decide("what it does, in a few words"),
    purpose: authored.purpose ?? decide("what it is for, in a sentence or two"),
    ...(docUrl === undefined ? {} : { docUrl }),
    system: { name: authored.system ?? decide("the external system, such as PostgreSQL") },
    effect: authored.effect ?? decide("read, write, intrusive or destructive; unknown counts as destructive"),
    inputs: schemaOf(skeleton.inputs),
    outputs: schemaOf(skeleton.outputs),
    errors: skeleton.errors as readonly Json[],
    scope: {
      subjects: [subjectOf(authored.about, skeleton)],
      endpoints: skeleton.endpoints as readonly Json[],
      actions: [authored.title ?? decide("what is done at the target, such as one search")],
      disallowed: [authored.never ?? decide("what it must never be used for")],
    },
    authority: { roles: ["operator"], approval: authored.approval ?? "designated" },
    execution: {
      adapter,
      with: skeleton.with(call),
      outputs: skeleton.mapped,
      timeout: skeleton.timeout,
      idempotency: authored.idempotency ?? decide("safe, idempotent or unsafe"),
      ...(secrets === undefined ? {} : { secrets: secrets as readonly Json[] }),
      ...skeleton.execution,
    },
    evidence: { artifacts: skeleton.artifacts as readonly Json[], maxBytes: skeleton.maxBytes },
    failure: { onFailure: "stop" },
    boundary: {
      external: {
        invocation: [decide("what the system does with the call, and for whom")],
        transport: [skeleton.transport],
        evidence: ["what the system says that it did"],
        interpretation: [decide("what a reader must not conclude")],
      },
    },
    attests: authored.attests ?? decide("what a valid proof says, such as that the server gave this answer"),
    doesNotAttest: authored.doesNotAttest ?? decide("what a careless reader would take the proof for"),
  };
}

function schemaOf({ required, properties }: Skeleton["inputs"]): JsonObject {
  return { type: "object", additionalProperties: false, required: [...required], properties };
}

function subjectOf(about: string | undefined, { inputs }: Skeleton): JsonObject {
  const [, kind, from] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(about ?? "") ?? [];
  if (kind !== undefined && from !== undefined) return { kind, from };
  const usual = Object.hasOwn(inputs.properties, "path") ? "path" : (inputs.required[0] ?? "host");
  return {
    kind: usual === "path" ? "file" : "host",
    from: decide(`what the call is about, such as inputs.${usual}`),
  };
}

/** A CEL string literal. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
}
