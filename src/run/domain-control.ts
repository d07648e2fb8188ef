import type { Engagement, TargetAuthorization } from "../contract/engagement.ts";
import type { ProofFact } from "../contract/gate-record.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import { millisOfDuration } from "../format/duration.ts";
import { utcFromMillis } from "../format/time.ts";
import { engagementStream } from "../ledger/streams.ts";
import { appendReceipt } from "./append-receipt.ts";
import { isLab } from "./append-to-run.ts";
import type { Lane } from "./lane.ts";
import { runParts } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";
import { invocationsOf } from "./run-state.ts";
import type { Store } from "./store.ts";

/** The contract that looks a challenge up, and what it is called with. */
export function challengeCall({ challenge }: TargetAuthorization): {
  contract: string;
  inputs: { domain: string };
} {
  const contract = challenge?.method === "well-known" ? "http.control" : "dns.control";
  return { contract, inputs: { domain: challenge?.domain ?? "" } };
}

const subjectOf = (engagement: string, authorization: string): string =>
  `domain-control:${engagement}/${authorization}`;

/** The proofs of domain control of an engagement; undefined when it has no such authorization. */
export function readProofs(
  store: Pick<Store, "status">,
  { id, authorizations }: Engagement,
): ProofFact[] | undefined {
  const asked = authorizations.filter(({ kind }) => kind === "domain-control");
  if (asked.length === 0) return undefined;
  return asked.flatMap((authorization) => {
    const [receipt, expiresAt] = (store.status(subjectOf(id, authorization.id)) ?? "").split(" ");
    return receipt === undefined || expiresAt === undefined
      ? []
      : [{ authorization: authorization.id, receipt, expiresAt }];
  });
}

/**
 * Records that a run's look-up found the token of an authorization: from now on, until the proof expires, the
 * authorization is in force.
 *
 * @throws RunError `STATEMENT_REFUSED` when the run did not find it.
 */
export async function recordDomainControl(
  lane: Lane,
  run: string,
  authorization: TargetAuthorization,
): Promise<{ receipt: Digest; expiresAt: string }> {
  const state = lane.states.load(run);
  const { challenge } = authorization;
  const [found] = invocationsOf(state);
  const values = found?.outputs?.values;
  const isFound =
    found?.phase === "executed" && Array.isArray(values) && values.includes(challenge?.token ?? "");
  if (challenge === undefined || found?.receipt === undefined || !isFound) {
    throw new RunError({
      code: "STATEMENT_REFUSED",
      message: `the token of \`${authorization.id}\` was not found: \`${challenge?.domain ?? ""}\` is not proved`,
      hint: `witnessops run show ${run}`,
    });
  }
  const { document } = state;
  const expiresAt = utcFromMillis(lane.clock() + millisOfDuration(challenge.validFor));
  const { domain, method } = challenge;
  const detail = { authorization: authorization.id, domain, method, receipt: found.receipt, expiresAt };
  const subject = subjectOf(document.engagement.id, authorization.id);
  const result = await appendReceipt(
    lane,
    engagementStream(document.engagement.id),
    {
      event: "domain-control-proved",
      subject: [{ name: "look-up", digest: { sha256: hexOf(found.receipt) } }],
      predicate: { ...runParts(document, lane.origin, isLab(lane, state)), detail },
    },
    { change: { status: [{ subject, status: `${found.receipt} ${expiresAt}` }] } },
  );
  if (!result.ok)
    throw new RunError({ code: "RUN_CONTENDED", message: `the proof was not recorded: ${result.conflict}` });
  return { receipt: found.receipt, expiresAt };
}
