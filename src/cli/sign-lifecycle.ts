import type { LifecycleStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import type { Envelope } from "../format/dsse.ts";
import { LIFECYCLE_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import type { Lane } from "../run/lane.ts";
import { usage } from "./cli-error.ts";
import { statementSigner } from "./statement-signer.ts";

/** Who signs, and with what. */
export interface LifecycleSigner {
  readonly as: string | undefined;
  readonly key: string | undefined;
  readonly sshKey: string | undefined;
}

/**
 * Signs a person's word about an artifact, as somebody of the engagement of its run.
 *
 * @throws CliError `USAGE`, `NOT_FOUND`, `REFUSED`; KeyFileError; RunError `RUN_UNKNOWN`.
 */
export async function signLifecycle(
  lane: Lane,
  run: string,
  { as, key, sshKey }: LifecycleSigner,
  about: Pick<LifecycleStatement, "action" | "artifact" | "digest" | "reason" | "hold" | "derivedFrom">,
): Promise<Envelope> {
  if (as === undefined) throw usage("this is signed by a person", "add `--as <principal>` and their key");
  const { document } = lane.states.load(run);
  const sign = await statementSigner(
    { key, sshKey },
    as,
    lane.pinned.read("principals", document.principals),
  );
  const statement: LifecycleStatement = {
    purpose: "witnessops/lifecycle/v1",
    engagement: document.engagement.id,
    run,
    ...about,
    principal: as,
    signedAt: utcFromMillis(Date.now()),
    nonce: lane.randomHex(16),
  };
  return sign(canonicalBytes(statement), LIFECYCLE_PAYLOAD_TYPE);
}
