import { digestOfDocument } from "../contract/digest-document.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { Digest } from "../format/digest.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkAuthorization } from "../gate/check-authorization.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";

/** Digests that an authorization record is signed over, in its order. */
export function authorizedDigests(
  definitions: WorkspaceDefinitions,
  engagement: Engagement,
): readonly [Digest, Digest, Digest, Digest] {
  return [
    digestOfDocument(engagement),
    digestOfDocument(definitions.principals()),
    digestOfDocument(definitions.policies()),
    digestOfDocument(definitions.lock()),
  ];
}

/** What keeps an engagement from admitting runs, one line each; empty when an owner's signature covers all of it. */
export async function authorizationProblems(
  definitions: WorkspaceDefinitions,
  engagement: Engagement,
): Promise<string[]> {
  const authorization = definitions.authorization(engagement.id);
  if (authorization === undefined) return ["no owner has authorized it"];
  return checkAuthorization(authorization, {
    engagement,
    principals: definitions.principals(),
    digests: authorizedDigests(definitions, engagement),
    now: utcFromMillis(Date.now()),
  });
}
