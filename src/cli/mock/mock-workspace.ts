import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { adapters } from "../../adapters/all.ts";
import { groupsOf, peopleOf } from "../../contract/approval-groups.ts";
import type { CatalogLock } from "../../contract/catalog-lock.ts";
import { type Contract, referenceOf } from "../../contract/contract.ts";
import type { Engagement } from "../../contract/engagement.ts";
import type { PolicySet } from "../../contract/policy-set.ts";
import type { Principal, PrincipalSet } from "../../contract/principal.ts";
import type { Trust } from "../../contract/trust.ts";
import type { Role } from "../../contract/vocabulary.ts";
import { ageOpener, newIdentity, type Open } from "../../evidence/age.ts";
import { type Digest, digestOfJson } from "../../format/digest.ts";
import { deepFreeze } from "../../format/json.ts";
import { publicKeyText } from "../../format/public-key.ts";
import type { Signer } from "../../format/signer.ts";
import { utcFromMillis } from "../../format/time.ts";
import { signAuthorization } from "../../gate/sign-authorization.ts";
import { certifyKey } from "../../receipt/certify-key.ts";
import type { Lane, NetworkRules } from "../../run/lane.ts";
import { PinnedDocuments } from "../../run/pinned-documents.ts";
import {
  recordEngagementAuthorized,
  recordKeyCertified,
  recordWorkspaceCreated,
} from "../../run/record-governance.ts";
import { RunStates } from "../../run/run-states.ts";
import { openArtifactFolder } from "../../store/artifact-folder.ts";
import { createKeyFile } from "../../store/key-file.ts";
import { openSqliteStore } from "../../store/sqlite-store.ts";
import { randomHex } from "../random-hex.ts";

const DAY = 86_400_000;
/** The mock's owner, who asks for each call. */
export const OWNER = "mock-owner";
export const ENGAGEMENT = "mock";

/** A workspace of which nothing stays: people, keys, a lab engagement and a ledger of its own. */
export interface MockWorkspace {
  readonly lane: Lane;
  /** Who may approve, each with their key; the owner is one of them. */
  readonly people: readonly { readonly id: string; readonly signer: Signer }[];
  readonly trust: Trust;
  /** Opens what its calls seal; undefined when its contracts seal nothing. */
  readonly open: Open | undefined;
  close(): void;
}

/**
 * Makes one in an empty folder, with the contracts that are tried, the policies that are really in force, and a network
 * that leads nowhere else than `openNetwork` says. Time there passes as it is slept.
 *
 * @param options.contract whose roles and approvals its people have.
 * @param options.contracts what may be called, by reference.
 * @param options.targets what the engagement permits, `kind:value`.
 */
export async function openMockWorkspace(
  folder: string,
  options: {
    readonly contract: Contract;
    readonly contracts: readonly Contract[];
    readonly targets: readonly string[];
    readonly policies: PolicySet;
    readonly openNetwork: (rules: NetworkRules) => ReturnType<Lane["openNetwork"]>;
  },
): Promise<MockWorkspace> {
  const keys = join(folder, "keys");
  mkdirSync(keys, { mode: 0o700 });
  const newKey = (name: string): Signer => createKeyFile(join(keys, `${name}.pem`));
  const root = newKey("root");
  const people = [
    { id: OWNER, roles: [...new Set<Role>(["owner", "operator", ...options.contract.authority.roles])] },
    ...approversOf(options.contract),
  ].map((person) => ({ ...person, signer: newKey(person.id) }));
  const principals = deepFreeze(principalSet(people));
  const isSecret = options.contracts.some(({ evidence }) =>
    evidence.artifacts.some(({ sensitivity }) => sensitivity === "secret"),
  );
  const sealed = isSecret ? await newIdentity() : undefined;
  const engagement = deepFreeze(engagementOf(people, options.targets, sealed?.recipient));
  const policies = deepFreeze(structuredClone(options.policies));
  const contracts = new Map(
    options.contracts.map((one) => [referenceOf(one), { contract: one, digest: digestOfJson(one) }]),
  );
  const lock: CatalogLock = deepFreeze({
    apiVersion: "witnessops/v1" as const,
    kind: "CatalogLock" as const,
    contracts: Object.fromEntries([...contracts].map(([reference, { digest }]) => [reference, digest])),
    runbooks: {},
  });
  const pins = [engagement, principals, policies, lock].map(digestOfJson) as [Digest, Digest, Digest, Digest];
  const owner = people[0]?.signer ?? root;
  const authorization = await signAuthorization(owner, engagement, pins, utcFromMillis(Date.now()));

  const store = openSqliteStore(join(folder, "ledger.sqlite"));
  const lease = `process:${randomBytes(8).toString("hex")}`;
  await store.acquireLease(lease, { pid: process.pid, token: lease });
  const pinned = new PinnedDocuments(store);
  const signer = newKey("issuer");
  let slept = 0;
  const lane: Lane = {
    store,
    files: openArtifactFolder(join(folder, "artifacts")),
    definitions: {
      lock: () => lock,
      contract(reference) {
        const found = contracts.get(reference);
        if (found === undefined) throw new RangeError(`the mock has no contract ${reference}`);
        return found;
      },
      runbook: (id) => {
        throw new RangeError(`the mock has no runbook ${id}`);
      },
      engagement: () => engagement,
      letters: () => new Set(),
      principals: () => principals,
      policies: () => policies,
      authorization: () => authorization,
    },
    adapters,
    signer,
    issuerRoot: root.publicKey.keyId,
    owner: lease,
    clock: () => Date.now() + slept,
    sleep: async (millis) => {
      slept += millis;
    },
    randomHex,
    openNetwork: options.openNetwork,
    // A value that is none: no secret of anybody's is read for a mock.
    resolveSecret: async () => ({ ok: true, value: `mock:${randomHex(16)}` }),
    signal: new AbortController().signal,
    root: folder,
    origin: "cli",
    tails: new Map(),
    pinned,
    states: new RunStates(store, pinned),
    driving: new Map(),
  };
  const now = Date.now();
  const validity = { issuedAt: utcFromMillis(now), notAfter: utcFromMillis(now + 30 * DAY) };
  await recordKeyCertified(lane, OWNER, await certifyKey(root, signer.publicKey, validity));
  await recordWorkspaceCreated(lane, OWNER, "mock", root.publicKey);
  await recordEngagementAuthorized(lane, OWNER, engagement.id, authorization);
  return {
    lane,
    people,
    open: sealed === undefined ? undefined : await ageOpener(sealed.identity),
    trust: {
      apiVersion: "witnessops/v1",
      kind: "Trust",
      issuerRoots: [{ name: "mock", publicKey: publicKeyText(root.publicKey) }],
      principals: principals.principals.map(({ id, type, roles, keys: held }) => ({
        id,
        type,
        roles,
        keys: held,
      })),
    },
    close() {
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Person {
  readonly id: string;
  readonly roles: readonly Role[];
}

/** As many people as the contract's rule asks for; each may stand in each of its groups. */
function approversOf({ authority: { approval } }: Contract): Person[] {
  const counted = typeof approval === "string" ? undefined : approval;
  const roles = counted === undefined ? [] : groupsOf(counted).flatMap((group) => group.roles);
  const count = counted === undefined ? 1 : peopleOf(counted);
  return Array.from({ length: count }, (_, index) => ({
    id: `mock-approver-${index + 1}`,
    roles: [...new Set<Role>(["approver", ...roles])],
  }));
}

function principalSet(people: readonly (Person & { readonly signer: Signer })[]): PrincipalSet {
  const principals = people.map(
    ({ id, roles, signer }): Principal => ({
      apiVersion: "witnessops/v1",
      kind: "Principal",
      id,
      type: "human",
      name: id,
      email: `${id}@witnessops.example`,
      roles: [...roles],
      keys: [{ publicKey: publicKeyText(signer.publicKey), custody: "held" }],
    }),
  );
  return {
    apiVersion: "witnessops/v1",
    kind: "PrincipalSet",
    principals: principals.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function engagementOf(
  people: readonly Person[],
  targets: readonly string[],
  recipient: string | undefined,
): Engagement {
  return {
    apiVersion: "witnessops/v1",
    kind: "Engagement",
    id: ENGAGEMENT,
    version: "1.0.0",
    title: "A test against a mock",
    owner: OWNER,
    objective: "test a contract against a mock of its system",
    environment: "lab",
    classification: "internal",
    window: { notBefore: utcFromMillis(Date.now() - DAY), notAfter: utcFromMillis(Date.now() + 30 * DAY) },
    principals: people.map(({ id, roles }) => ({ id, roles: [...roles] })),
    scope: { include: [...targets], exclude: [] },
    ...(recipient === undefined ? {} : { evidence: { recipients: [recipient] } }),
    authorizations: [{ id: "mock", kind: "owner-record", targets: [...targets], grantedBy: OWNER }],
    lab: {
      approver: "mock-approver-1",
      reason: "test a contract",
      boundary: "this process",
      stopCondition: "the cases are over",
      dataHandling: "generated; deleted with the workspace",
    },
  };
}
