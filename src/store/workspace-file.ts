import Type, { type Static } from "typebox";
import { type DocumentKind, readDocument } from "../contract/inspect-document.ts";
import * as word from "../contract/vocabulary.ts";

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
  },
  { ...word.closed, title: "WitnessOps workspace" },
);
export type Workspace = Static<typeof workspaceSchema>;

const workspaceKind: DocumentKind<Workspace> = { name: "workspace", schema: workspaceSchema };

/** Reads `witnessops.yaml`. @throws ContractError with every fault. */
export function parseWorkspace(text: string, file: string): Workspace {
  return readDocument(workspaceKind, text, { file });
}
