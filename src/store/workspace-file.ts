import Type, { type Static } from "typebox";
import { ruleUnique } from "../contract/document-rules.ts";
import { type DocumentKind, type Inspection, readDocument } from "../contract/inspect-document.ts";
import * as word from "../contract/vocabulary.ts";
import { keyHolderSchema } from "./key-holder.ts";
import { ruleWitnessList } from "./rule-witness-list.ts";

/** What people can be told of: something waits for somebody, a failure was escalated, somebody acted without approval. */
export const occasions = ["waiting", "escalated", "break-glass"] as const;
export type Occasion = (typeof occasions)[number];

/** `witnessops.yaml`: what makes a folder a workspace. */
export const workspaceSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Workspace"),
    name: word.text,
    /** Principal id of the owner. */
    owner: word.id,
    network: Type.Optional(
      Type.Object(
        {
          /** Resolvers for every name, `ip:port`; default: the host's. */
          resolvers: Type.Optional(
            Type.Array(
              Type.String({ minLength: 3, maxLength: 100, description: "an address like `192.0.2.53:53`" }),
              {
                minItems: 1,
                maxItems: 8,
              },
            ),
          ),
          /** PEM file of further certificate authorities, relative to the workspace. */
          extraCa: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
        },
        word.closed,
      ),
    ),
    /** Keys that are held elsewhere than in `.witnessops/keys`. */
    keys: Type.Optional(
      Type.Object(
        {
          /** One for each process that signs at the same time; default: made and kept by the workspace. */
          issuer: Type.Optional(Type.Array(keyHolderSchema, { minItems: 1, maxItems: 16 })),
          /** What certifies issuer keys; with `publicKey` alone, certificates are requested from elsewhere. */
          root: Type.Optional(keyHolderSchema),
        },
        word.closed,
      ),
    ),
    /** The transparency log of all receipts; without it there is none. */
    log: Type.Optional(
      Type.Object(
        {
          /** Its name: like `example.com/acme`, never used for another log. */
          origin: Type.String({
            minLength: 1,
            maxLength: 200,
            pattern: "^[^\\s+\\p{Cc}]+$",
            description: "a name like `example.com/acme`, without spaces and `+`",
          }),
          /** Folder, relative to the workspace, that the log is published in besides the workspace's own. */
          publish: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
          /** Whether runs promise to be in the log. Default true. */
          promise: Type.Optional(Type.Boolean()),
          /** Who cosigns its checkpoints. */
          witnesses: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  key: Type.String({ minLength: 50, maxLength: 300, description: "the witness's note key" }),
                  url: Type.String({ minLength: 8, maxLength: 1000, pattern: "^https?://" }),
                },
                word.closed,
              ),
              { maxItems: 20 },
            ),
          ),
          /** How many of them must cosign for a checkpoint to be called witnessed. Default: all. */
          quorum: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })),
        },
        word.closed,
      ),
    ),
    /** Who attests the time of runs: time stamping authorities (RFC 3161). */
    time: Type.Optional(
      Type.Object(
        {
          authorities: Type.Array(
            Type.Object(
              {
                name: word.text,
                url: Type.String({
                  pattern: "^https?://[^/?#@\\s]+([/?][^#\\s]*)?$",
                  maxLength: 1000,
                  description: "an `http:` or `https:` URL without user and fragment",
                }),
                /** PEM file of what its tokens must chain to, relative to the workspace. */
                certificates: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
              },
              word.closed,
            ),
            { minItems: 1, maxItems: 10 },
          ),
          /** How many of them must stamp what is promised; default 1. */
          threshold: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
          /** Whether runs promise time-stamps when they open; default false. */
          promise: Type.Optional(Type.Boolean()),
        },
        word.closed,
      ),
    ),
    /** Who is told when something waits: contracts, called through the governed path. */
    notify: Type.Optional(
      Type.Array(
        Type.Object(
          {
            on: Type.Array(Type.Enum([...occasions]), { minItems: 1, uniqueItems: true }),
            contract: word.reference,
            engagement: word.id,
            /** Who asks; default: the workspace's owner. */
            as: Type.Optional(word.id),
            /** Inputs of the contract that are not about the occasion, such as its `url`. */
            with: Type.Optional(Type.Record(Type.String({ minLength: 1 }), Type.String())),
          },
          word.closed,
        ),
        { maxItems: 20 },
      ),
    ),
  },
  { ...word.closed, title: "WitnessOps workspace" },
);
export type NotifyRule = NonNullable<Static<typeof workspaceSchema>["notify"]>[number];
export type WorkspaceKeys = NonNullable<Static<typeof workspaceSchema>["keys"]>;
export type Workspace = Static<typeof workspaceSchema>;

const workspaceKind: DocumentKind<Workspace> = { name: "workspace", schema: workspaceSchema, rules };

/** Reads `witnessops.yaml`. @throws ContractError with every fault. */
export function parseWorkspace(text: string, file: string): Workspace {
  return readDocument(workspaceKind, text, { file });
}

function rules(workspace: Inspection<Workspace>): void {
  const log = workspace.part("log");
  if (log !== undefined) ruleWitnessList(workspace, log.witnesses ?? [], log.quorum);
  const time = workspace.part("time");
  if (time === undefined) return;
  ruleUnique(
    workspace,
    time.authorities.map(({ name }, index) => [["time", "authorities", index, "name"], name]),
    "time stamping authority",
  );
  for (const [index, { url }] of time.authorities.entries())
    if (!URL.canParse(url))
      workspace.report(["time", "authorities", index, "url"], "value", `\`${url}\` is no URL`);
  const { length } = time.authorities;
  if ((time.threshold ?? 1) > length)
    workspace.report(["time", "threshold"], "value", `there are only ${length} authorities`);
}
