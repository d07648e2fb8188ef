import { canonicalJson } from "../format/canonical-json.ts";
import { envelopeToJson } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkAuthorization } from "../gate/check-authorization.ts";
import { checkPolicies } from "../gate/check-policies.ts";
import { signAuthorization } from "../gate/sign-authorization.ts";
import { recordEngagementAuthorized } from "../run/record-governance.ts";
import { withoutRevoked } from "../run/revoked-keys.ts";
import { CliError, refused } from "./cli-error.ts";
import { argument, defineCommand, requiredOption } from "./command.ts";
import { authorizedDigests } from "./engagement-state.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { signAs } from "./sign-as.ts";
import { replaceFile } from "./write-file.ts";

const NAMES = ["engagement", "principals", "policies", "catalog lock"];

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    key: requiredOption("--key <file>", "key file of the engagement's owner"),
  },
  example: "engagement authorize acme --key ~/.witnessops/ana.pem",
  async run({ id, key }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const engagement = definitions.engagement(id);
      const principals = definitions.principals();
      const policies = definitions.policies();
      const faults = (await checkPolicies(policies)).map(
        ({ policy, message }) => `policies/${policy}: ${message}`,
      );
      if (faults.length > 0) {
        throw new CliError({ code: "INPUT_MALFORMED", message: "the policies are not valid", faults });
      }
      const known = new Set(principals.principals.map((principal) => principal.id));
      const strangers = engagement.principals
        .filter((one) => !known.has(one.id))
        .map((one) => `\`${one.id}\``);
      if (strangers.length > 0) {
        throw refused(
          `the workspace has no principal ${strangers.join(", ")}`,
          "witnessops principal add <id>",
        );
      }
      const signer = await signAs(key, engagement.owner, principals);
      const digests = authorizedDigests(definitions, engagement);
      const now = utcFromMillis(Date.now());
      const envelope = await signAuthorization(signer, engagement, digests, now);
      const problems = await checkAuthorization(envelope, {
        engagement,
        principals: withoutRevoked(lane.store, principals),
        digests,
        now,
      });
      if (problems.length > 0) {
        throw new CliError({
          code: "REFUSED",
          message: problems.pop() ?? "",
          faults: problems,
          hint: "the owner is a human principal with the role `owner` and a key that this host does not hold",
        });
      }
      const status = lane.store.status(`engagement:${engagement.id}`);
      if (status === "closed") throw refused(`engagement \`${engagement.id}\` is closed`, "make a new one");
      const file = definitions.authorizationFile(engagement.id);
      // Recorded first: a run under a record that the ledger does not have could not be proved later.
      const { digest } = await recordEngagementAuthorized(lane, engagement.owner, engagement.id, envelope);
      replaceFile(file, `${canonicalJson(envelopeToJson(envelope))}\n`);
      return {
        exit: exit.done,
        json: {
          engagement: `${engagement.id}@${engagement.version}`,
          principal: engagement.owner,
          keyId: signer.publicKey.keyId,
          notAfter: engagement.window.notAfter,
          digests: Object.fromEntries(NAMES.map((name, at) => [name, digests[at]])),
          file,
          receipt: digest,
        },
        print(out) {
          out.line(
            `${engagement.owner} authorizes ${engagement.id}@${engagement.version} until ${engagement.window.notAfter}`,
          );
          out.pairs(NAMES.map((name, at) => [name, digests[at] ?? ""]));
          out.pairs([
            ["signed with", signer.publicKey.keyId],
            ["written to", file],
          ]);
        },
      };
    });
  },
});
