import type { PrincipalSet } from "../contract/principal.ts";
import { type ResolutionStatement, resolutionStatementSchema } from "../contract/signed-statements.ts";
import type { Envelope } from "../format/dsse.ts";
import { RESOLUTION_PAYLOAD_TYPE } from "../format/statement.ts";
import { checkSignedStatement, type SignedStatement } from "./check-signed-statement.ts";

/** Checks a person's signed word on an in-doubt attempt or a held step. @param at when it was received. */
export function checkResolution(
  envelope: Envelope,
  principals: PrincipalSet,
  at: string,
): Promise<SignedStatement<ResolutionStatement>> {
  const kind = { payloadType: RESOLUTION_PAYLOAD_TYPE, schema: resolutionStatementSchema, human: true };
  return checkSignedStatement(kind, envelope, principals, at);
}
