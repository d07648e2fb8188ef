import type { KeyRevocationStatement } from "../contract/key-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { type Signer, signEnvelope } from "../format/signer.ts";
import { KEY_REVOCATION_PAYLOAD_TYPE } from "../format/statement.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { recordKeyRevoked } from "../run/record-keys.ts";
import { keyStatus } from "../run/revoked-keys.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, type Result, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { findKey, type KnownKey } from "./find-key.ts";
import { issuerSlots } from "./issuer-key.ts";
import { openIssuerRoot } from "./issuer-root.ts";
import { type OpenLane, withLane } from "./open-lane.ts";
import { openSigner } from "./open-signer.ts";
import { type SignStatement, statementSigner } from "./statement-signer.ts";

export const command = defineCommand({
  parameters: {
    keyId: argument("fingerprint of the key, as `key list` or `principal list` shows it"),
    since: requiredOption(
      "--since <utc>",
      "since when it may have been in other hands: 2026-11-27T08:00:00Z",
    ),
    reason: requiredOption("--reason <text>", "what happened; signed with it"),
    as: option("--as <owner>", "the owner who revokes it; without, the issuer root does"),
    key: option("--key <file>", "the owner's key file"),
    sshKey: option("--ssh-key <file>", "or their SSH key"),
    root: option("--root <key>", "the issuer root when it is held elsewhere"),
  },
  example: "key revoke SHA256:… --since 2026-11-27T08:00:00Z --reason 'laptop stolen' --as ana --key ana.pem",
  async run(given, context) {
    const { keyId, reason, as } = given;
    const since = sinceOf(given.since);
    if (as === undefined && (given.key ?? given.sshKey) !== undefined)
      throw usage("`--as <owner>` is missing", "name the owner whose key it is");
    if (as !== undefined && given.root !== undefined)
      throw usage("an owner revokes, or the root does", "leave out `--as` or `--root`");
    const root = given.root === undefined ? undefined : await openSigner(given.root);
    const revoke = async (opened: OpenLane): Promise<Result> => {
      const { lane, definitions } = opened;
      const found = findRevocable(opened, keyId);
      const statement: KeyRevocationStatement = {
        purpose: "witnessops/key-revocation/v1",
        keyId: found.keyId,
        since,
        reason,
        ...(as === undefined ? {} : { principal: as }),
        signedAt: utcFromMillis(lane.clock()),
        nonce: lane.randomHex(16),
      };
      const sign = as === undefined ? await signAsRoot(opened, root) : await signAsOwner(opened, as, given);
      const envelope = await sign(canonicalBytes(statement), KEY_REVOCATION_PAYLOAD_TYPE);
      const actor = as ?? definitions.workspace().owner;
      const { digest } = await recordKeyRevoked(lane, actor, statement, found.ids, envelope);
      await removeEnded(opened, found.keyId);
      return {
        exit: exit.done,
        json: { keyId: found.keyId, holder: found.holder, since, reason, receipt: digest },
        print(out) {
          out.line(
            `${found.keyId} (${found.holder}) is revoked since ${since}; it counts for nothing here any more`,
          );
          out.line("Tell your reviewers, for bundles that they have already:");
          out.line(`  witnessops trust add trust.json --compromised ${found.keyId}=${since}`);
        },
      };
    };
    return withLane(context, revoke, { issuer: { except: keyId, root } });
  },
});

function findRevocable(opened: OpenLane, keyId: string): KnownKey {
  const { store } = opened.lane;
  const found = findKey(opened, keyId);
  if (found === undefined)
    throw notFound(
      `this workspace knows no key \`${keyId}\``,
      "witnessops key list, or witnessops principal list",
    );
  if (found.ids.has(store.status("issuer-root") ?? ""))
    throw refused("it is the issuer root that holds", "witnessops key rotate root, then revoke the old one");
  if (keyStatus(store, found.keyId) === "revoked")
    throw refused(`the key ${found.keyId} is revoked already`, "witnessops receipt list");
  return found;
}

function signAsOwner(
  { definitions }: OpenLane,
  as: string,
  { key, sshKey }: { readonly key: string | undefined; readonly sshKey: string | undefined },
): Promise<SignStatement> {
  const principals = definitions.principals();
  const owner = principals.principals.find(({ id }) => id === as);
  if (owner !== undefined && !(owner.type === "human" && owner.roles.includes("owner")))
    throw refused(`\`${as}\` is no owner`, "an owner revokes keys, or the issuer root does");
  return statementSigner({ key, sshKey }, as, principals);
}

async function signAsRoot({ lane, places }: OpenLane, given: Signer | undefined): Promise<SignStatement> {
  const root = await openIssuerRoot(lane.store, places, given);
  if (root === undefined)
    throw refused("the issuer root is held elsewhere", "give `--as <owner> --key <file>`, or `--root <key>`");
  return (payload, payloadType) => signEnvelope(root, payload, payloadType);
}

/** An issuer key of the workspace's own is removed, unless a process holds it: that one stops at its next receipt. */
async function removeEnded({ lane, places, leaseOwner }: OpenLane, keyId: string): Promise<void> {
  if (places.config?.issuer !== undefined) return;
  for (const slot of issuerSlots(places)) {
    if (!slot.taken || !(await lane.store.acquireLease(slot.lease, leaseOwner))) continue;
    const found = (await slot.open()).publicKey.keyId;
    if (found === keyId) slot.remove();
    // Its own key stays this process's.
    if (found !== lane.signer.publicKey.keyId) await lane.store.releaseLease(slot.lease, leaseOwner);
  }
}

function sinceOf(text: string): string {
  const at = millisOf(text);
  if (at === undefined) throw usage(`\`${text}\` is no UTC instant`, "write it like 2026-11-27T08:00:00Z");
  if (at > Date.now())
    throw usage(`\`${text}\` has not come yet`, "name when the key may have been in other hands");
  return text;
}
