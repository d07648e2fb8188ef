import type { Engagement } from "../contract/engagement.ts";
import { scopeGate } from "../gate/scope-gate.ts";
import { targetAuthorizationGate } from "../gate/target-authorization-gate.ts";
import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";
import { patternOf } from "./target-text.ts";

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    target: argument("a name, address, block, URL, `host:port` or `kind:value`"),
  },
  example: "engagement check acme 192.0.2.10",
  async run({ id, target }, context) {
    const engagement = definitionsOf(context).engagement(id);
    const decisions = decide(engagement, target);
    const allowed = decisions.every(({ decision }) => decision === "allow");
    return {
      exit: allowed ? exit.done : exit.refused,
      json: { engagement: engagement.id, target: patternOf(target), allowed, decisions },
      print(out) {
        out.line(
          `${patternOf(target)} is `,
          allowed ? { text: "allowed", style: "good" } : { text: "not allowed", style: "bad" },
          ` in ${engagement.id}@${engagement.version}; nothing was called or resolved`,
        );
        out.table(
          ["gate", "decision", "reason", "facts"],
          decisions.map(({ gate, decision, reason, facts }) => [
            gate,
            { text: decision, style: decision === "allow" ? "good" : "bad" },
            reason,
            JSON.stringify(facts),
          ]),
        );
      },
    };
  },
});

/** The two gates that look at targets alone, without a runbook to narrow them. */
function decide(engagement: Engagement, target: string) {
  const pattern = patternOf(target);
  const colon = pattern.indexOf(":");
  const facts = {
    action: { subjects: [{ kind: pattern.slice(0, colon), value: pattern.slice(colon + 1) }], endpoints: [] },
    engagement,
    runbookScope: { include: engagement.scope.include, exclude: [] },
    now: new Date().toISOString(),
  };
  const scope = scopeGate(facts);
  return scope.decision === "allow" ? [scope, targetAuthorizationGate(facts)] : [scope];
}
