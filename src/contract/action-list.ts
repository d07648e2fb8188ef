import Type, { type Static } from "typebox";
import { type Digest, digestOfJson } from "../format/digest.ts";
import * as word from "./vocabulary.ts";

/**
 * The declared list of a `forEach` step: the actions of all its elements, in order. One approval may cover it, by its
 * digest (design section 6).
 */
export const actionListSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/action-list/v1"),
    run: Type.String({ maxLength: 64 }),
    step: Type.String({ maxLength: 64 }),
    actions: Type.Array(word.digest, { minItems: 1, maxItems: 10_000 }),
  },
  word.closed,
);
export type ActionList = Static<typeof actionListSchema>;

/** The list of a step's actions. @param actions digests in the order of the elements. */
export function actionList(run: string, step: string, actions: readonly string[]): ActionList {
  return { schema: "witnessops/action-list/v1", run, step, actions: [...actions] };
}

/** What an approval of the whole list signs. */
export function listDigest(list: ActionList): Digest {
  return digestOfJson(list);
}
