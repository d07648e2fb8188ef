import {
  AUTHORIZATION_SUBJECTS,
  type AuthorizationPredicate,
  authorizationPredicateSchema,
} from "../contract/authorization-record.ts";
import { referenceOf } from "../contract/contract.ts";
import { isImplicitRunbook } from "../contract/implicit-runbook.ts";
import { hexOf } from "../format/digest.ts";
import { parsePublicKey } from "../format/public-key.ts";
import { AUTHORIZATION_PREDICATE } from "../format/statement.ts";
import { millisOf } from "../format/time.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import { placed } from "./check-document.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Findings } from "./layer.ts";
import { readStatement, type SignedStatement } from "./sigstore-envelope.ts";
import { verifyEnvelope } from "./verify-envelope.ts";

type AuthorizationRecord = SignedStatement<AuthorizationPredicate>;

/**
 * Whether what a run pinned counts as authority: an owner whom the reviewer trusts signed the digests of
 * engagement, principals, policies and catalog lock, or the reviewer pins those digests.
 */
export async function checkAuthority(
  bundle: Bundle,
  run: ClaimedRun,
  anchor: Anchor,
  findings: Findings,
): Promise<boolean> {
  const { document } = run;
  const pins = [document.engagement.digest, document.principals, document.policies, document.catalogLock];
  const record = readRecord(bundle, run, findings);
  if (record !== undefined) await checkRecord(bundle, run, record, pins, findings);
  checkLock(run, findings);
  const locked = checkRunbook(bundle, run, anchor, findings);
  if (pins.every((digest) => anchor.pinned(digest))) return locked;
  if (!anchor.given) {
    findings.untested("no trust file was given: nobody says who may authorize");
    return false;
  }
  return record !== undefined && (await checkOwner(record, anchor, findings)) && locked;
}

function readRecord(bundle: Bundle, run: ClaimedRun, findings: Findings): AuthorizationRecord | undefined {
  const { authorization } = run.document;
  const envelope = bundle.envelope("authorization", authorization);
  if (envelope === undefined) {
    findings.doubt(`the authorization record of run \`${run.id}\` is absent`);
    return undefined;
  }
  const read = readStatement<AuthorizationPredicate>(
    envelope,
    AUTHORIZATION_PREDICATE,
    authorizationPredicateSchema,
  );
  if ("value" in read) return read.value;
  findings.failAll(
    placed(read.faults, {
      path: `definitions/authorization/${hexOf(authorization as `sha256:${string}`)}.json`,
    }),
  );
  return undefined;
}

async function checkRecord(
  bundle: Bundle,
  run: ClaimedRun,
  record: AuthorizationRecord,
  pins: readonly string[],
  findings: Findings,
): Promise<void> {
  const { predicate, subject, digest, envelope } = record;
  const { document } = run;
  const at = { path: `definitions/authorization/${hexOf(digest)}.json` };
  for (const [index, name] of AUTHORIZATION_SUBJECTS.entries()) {
    const found = subject[index];
    if (found?.name !== name || `sha256:${found.digest.sha256}` !== pins[index]) {
      findings.fail(
        "FAILURE_DIGEST_MISMATCH",
        `the owner authorized another \`${name}\` than the run pins`,
        at,
      );
    }
  }
  if (subject.length !== AUTHORIZATION_SUBJECTS.length) {
    findings.fail("FAILURE_BUNDLE_MALFORMED", "an authorization record has four subjects", at);
  }
  const { engagement } = predicate;
  if (engagement.id !== document.engagement.id || engagement.version !== document.engagement.version) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "the authorization record is for another engagement", at);
  }
  if (!isValidAt({ notBefore: predicate.signedAt, notAfter: predicate.notAfter }, document.openedAt)) {
    findings.fail(
      "FAILURE_APPROVAL_INVALID",
      "the run was opened outside the validity of its authorization",
      at,
    );
  }
  const known = run.principals?.principals.find(({ id }) => id === predicate.principal);
  const keys = (known?.keys ?? []).filter(({ passkey }) => passkey === undefined);
  const signed = await Promise.all(keys.map((key) => signedWith(key.publicKey, envelope)));
  if (run.principals !== undefined && !signed.includes(true)) {
    findings.fail(
      "FAILURE_SIGNATURE_INVALID",
      `the authorization is not signed by \`${predicate.principal}\` of this bundle`,
      at,
    );
  }
  if (run.engagement !== undefined && run.engagement.owner !== predicate.principal) {
    findings.fail(
      "FAILURE_APPROVAL_INVALID",
      "the authorization is not signed by the engagement's owner",
      at,
    );
  }
  checkNewest(bundle, run, digest, findings);
}

/**
 * The run pins the authorization that was in force when it was made ready: the newest that the engagement's stream
 * has before `run-opened`. One that was receipted between the two came too late to be pinned.
 */
function checkNewest(bundle: Bundle, run: ClaimedRun, digest: string, findings: Findings): void {
  const { document, opened } = run;
  const at = { path: `definitions/authorization/${hexOf(digest as `sha256:${string}`)}.json` };
  const { stream, seq } = opened.predicate.ledger;
  const before = (bundle.streams.get(stream) ?? []).filter(
    ({ predicate }) => predicate.event === "engagement-authorized" && predicate.ledger.seq < seq,
  );
  const openedAt = millisOf(document.openedAt) ?? 0;
  const late = before.findLastIndex(
    ({ predicate }) => (millisOf(predicate.time.claimedUtc) ?? 0) <= openedAt,
  );
  const named = before.findLastIndex(({ predicate }) => predicate.detail?.authorization === digest);
  if (named === -1) {
    const message = "no `engagement-authorized` receipt before the run is about the authorization record";
    findings.fail("FAILURE_COMPLETENESS", message, at);
  } else if (named < late) {
    const message = "the owner had authorized the engagement anew before the run was opened";
    findings.fail("FAILURE_APPROVAL_INVALID", message, { receipt: opened.digest });
  }
}

async function signedWith(publicKey: string, envelope: AuthorizationRecord["envelope"]): Promise<boolean> {
  try {
    return await verifyEnvelope(parsePublicKey(publicKey), envelope);
  } catch {
    return false;
  }
}

/** The contracts of a run that is no draft are those of the lock. */
function checkLock(run: ClaimedRun, findings: Findings): void {
  const { lock, document } = run;
  if (lock === undefined || document.draft) return;
  for (const pinned of document.contracts) {
    const reference = referenceOf(pinned);
    const locked = Object.hasOwn(lock.contracts, reference) ? lock.contracts[reference] : undefined;
    if (locked !== pinned.digest) {
      const message = `the contract \`${reference}\` is not the one in the authorized catalog lock`;
      findings.fail("FAILURE_DIGEST_MISMATCH", message, { receipt: run.opened.digest });
    }
  }
}

/**
 * The runbook counts as authority when the lock has it, the reviewer pins it, or it is the implicit one of `call`:
 * then it follows from its contract. What a draft run does is operational input in any case.
 */
function checkRunbook(bundle: Bundle, run: ClaimedRun, anchor: Anchor, findings: Findings): boolean {
  const { runbook, lock, document } = run;
  if (runbook === undefined || lock === undefined) return false;
  const reference = referenceOf(document.runbook);
  const { digest } = document.runbook;
  const locked = Object.hasOwn(lock.runbooks ?? {}, reference) ? lock.runbooks?.[reference] : undefined;
  if (locked === digest || (locked === undefined && anchor.pinned(digest))) return true;
  if (locked !== undefined) {
    const message = `the runbook \`${reference}\` is not the one in the authorized catalog lock`;
    findings.fail("FAILURE_DIGEST_MISMATCH", message, { receipt: run.opened.digest });
    return false;
  }
  const uses = runbook.steps[0]?.uses ?? "";
  const contract = bundle.contracts.get(uses);
  const pinned = document.contracts.some(
    (one) => referenceOf(one) === uses && one.digest === contract?.digest,
  );
  const implicit = contract !== undefined && pinned && isImplicitRunbook(runbook, contract.contract);
  // `call` gives every runbook this classification; another would be a choice of the host.
  if (implicit && runbook.classification === "internal") return true;
  findings.untested(
    `the runbook \`${reference}\` is not in the authorized catalog lock: nobody whom the trust file names chose it`,
  );
  return false;
}

async function checkOwner(record: AuthorizationRecord, anchor: Anchor, findings: Findings): Promise<boolean> {
  const { predicate, envelope, digest } = record;
  const at = { path: `definitions/authorization/${hexOf(digest)}.json` };
  const owner = anchor.principal(predicate.principal);
  if (owner === undefined) {
    findings.untested(
      `the trust file does not list \`${predicate.principal}\`, who signed the authorization`,
    );
    return false;
  }
  for (const trusted of owner.trustedKeys) {
    if (!(await verifyEnvelope(trusted.key, envelope))) continue;
    if (!isValidAt(trusted, predicate.signedAt)) {
      findings.contradict(
        "FAILURE_SIGNATURE_INVALID",
        `the key of \`${owner.id}\` was not valid when it signed`,
        at,
      );
      return false;
    }
    if (!owner.roles.includes("owner") || owner.type !== "human") {
      findings.untested(`the trust file does not list \`${owner.id}\` as a person who is an owner`);
      return false;
    }
    if (trusted.custody !== "held") {
      findings.untested(`the key of \`${owner.id}\` lies on the host: it authorizes nothing independently`);
      return false;
    }
    return true;
  }
  const message = `the authorization is not signed with a key of \`${owner.id}\` that the trust file lists`;
  findings.contradict("FAILURE_SIGNATURE_INVALID", message, at);
  return false;
}
