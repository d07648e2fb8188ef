import type { TargetAuthorization } from "../contract/engagement.ts";
import type { ProofFact } from "../contract/gate-record.ts";
import { readProofs } from "../run/read-proofs.ts";
import { argument, defineCommand } from "./command.ts";
import { authorizationProblems } from "./engagement-state.ts";
import { exit } from "./exit.ts";
import { openWorkspace } from "./open-definitions.ts";
import { withLedger } from "./open-ledger.ts";

export const command = defineCommand({
  parameters: { id: argument("id of the engagement") },
  example: "engagement show acme",
  async run({ id }, context) {
    const { engagement, status, problems, file, proofs } = await withLedger(context, async (store, root) => {
      const definitions = openWorkspace(root);
      const found = definitions.engagement(id);
      return {
        engagement: found,
        file: definitions.engagementFile(id),
        status: store.status(`engagement:${found.id}`) ?? "open",
        problems: await authorizationProblems(definitions, found),
        proofs: readProofs(store, found) ?? [],
      };
    });
    return {
      exit: exit.done,
      json: { engagement, status, file, proofs, authorization: { holds: problems.length === 0, problems } },
      print(out) {
        out.pairs([
          ["engagement", { text: `${engagement.id}@${engagement.version}`, style: "bold" }],
          ["title", engagement.title],
          ["objective", engagement.objective],
          ["owner", engagement.owner],
          ["environment", engagement.environment],
          ["window", `${engagement.window.notBefore} to ${engagement.window.notAfter}`],
          ["status", { text: status, style: status === "open" ? "plain" : "bad" }],
          ["authorization", problems.length === 0 ? { text: "holds", style: "good" } : undefined],
        ]);
        for (const problem of problems) out.line({ text: "not authorized: ", style: "warn" }, problem);
        if (problems.length > 0 && status === "open")
          out.line(`  witnessops engagement authorize ${engagement.id} --key <owner key file>`);
        out.heading("scope");
        out.list([...engagement.scope.include]);
        out.list(
          (engagement.scope.exclude ?? []).map((pattern) => ({ text: `not ${pattern}`, style: "warn" })),
        );
        out.heading("authorizations");
        out.table(
          ["id", "kind", "granted by", "targets", ""],
          engagement.authorizations.map((one) => [
            one.id,
            one.kind,
            one.grantedBy,
            one.targets.join(", "),
            stateOf(one, proofs),
          ]),
        );
        out.heading("principals");
        out.table(
          ["principal", "roles"],
          engagement.principals.map(({ id: who, roles }) => [who, roles.join(", ")]),
        );
      },
    };
  },
});

/** What stands behind an authorization, as far as this workspace knows. */
function stateOf(
  { id, kind, letterDigest, challenge }: TargetAuthorization,
  proofs: readonly ProofFact[],
): string {
  if (kind === "letter") return letterDigest ?? "";
  if (challenge === undefined) return "";
  const proof = proofs.find(({ authorization }) => authorization === id);
  const where =
    challenge.method === "dns-txt"
      ? `TXT _witnessops-challenge.${challenge.domain}`
      : `https://${challenge.domain}/.well-known/witnessops-challenge.txt`;
  return proof === undefined
    ? `not proved: publish ${challenge.token} at ${where}`
    : `proved until ${proof.expiresAt}`;
}
