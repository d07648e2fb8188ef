import type { ActionDocument } from "../contract/action-document.ts";
import { type Digest, digestOfJson } from "../format/digest.ts";

/**
 * The action digest: SHA-256 over the action document's canonical JSON (design section 6). It is what an
 * approver signs.
 *
 * @throws FormatError `VALUE_NOT_JSON`.
 */
export function actionDigest(document: ActionDocument): Digest {
  return digestOfJson(document);
}
