import { recordPrincipalDisabled } from "../run/record-governance.ts";
import { notFound } from "./cli-error.ts";
import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: { id: argument("id of the principal") },
  example: "principal disable ben",
  async run({ id }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const known = definitions.principals().principals.some((principal) => principal.id === id);
      if (!known) throw notFound(`there is no principal \`${id}\``, "witnessops principal list");
      const { digest } = await recordPrincipalDisabled(lane, definitions.workspace().owner, id);
      return {
        exit: exit.done,
        json: { principal: id, status: "disabled", receipt: digest },
        print: (out) =>
          out.line(`${id} is disabled from now on; approvals of theirs that are not used are void`),
      };
    });
  },
});
