import { actionList, listDigest } from "../contract/action-list.ts";
import type { ApprovalRequest } from "../contract/approval-request.ts";
import type { Digest } from "../format/digest.ts";
import { actionDigest } from "./action-digest.ts";

/** What a decision on a request signs: the digest of its action, or of its list of actions. */
export function requestDigest({ action, list }: Pick<ApprovalRequest, "action" | "list">): Digest {
  return list === undefined
    ? actionDigest(action)
    : listDigest(actionList(action.run, action.step, list.map(actionDigest)));
}
