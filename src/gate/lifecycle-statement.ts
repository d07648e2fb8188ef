import type { PrincipalSet } from "../contract/principal.ts";
import { type LifecycleStatement, lifecycleStatementSchema } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { LIFECYCLE_PAYLOAD_TYPE } from "../format/statement.ts";
import { checkSignedStatement, type SignedStatement } from "./check-signed-statement.ts";

/** Checks a person's signed word about an artifact. @param at when it was received: the key must be in force then. */
export function checkLifecycle(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<SignedStatement<LifecycleStatement>> {
  const kind = { payloadType: LIFECYCLE_PAYLOAD_TYPE, schema: lifecycleStatementSchema, human: true };
  return checkSignedStatement(kind, envelope, principals, at);
}
