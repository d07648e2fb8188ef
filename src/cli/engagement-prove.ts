import { implicitRunbook } from "../contract/implicit-runbook.ts";
import { challengeCall, recordDomainControl } from "../run/domain-control.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, optionalArgument } from "./command.ts";
import { exit } from "./exit.ts";
import { findContract } from "./find-contract.ts";
import { withLane } from "./open-lane.ts";
import { requestOf, requestParameters } from "./run-request.ts";
import { startAndDrive } from "./start-and-drive.ts";

const { engagement: _, ...who } = requestParameters;

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    authorization: optionalArgument("which authorization (default: the only one by domain control)"),
    port: option("--port <n>", "port of the web site, for a file that is not served on 443"),
    ...who,
  },
  example: "engagement prove acme",
  async run({ id, authorization, port, ...given }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const engagement = definitions.engagement(id);
      const asked = engagement.authorizations.filter(
        (one) => one.kind === "domain-control" && (authorization === undefined || one.id === authorization),
      );
      const [only] = asked;
      if (only === undefined)
        throw refused(
          `engagement \`${id}\` has no such authorization by domain control`,
          `witnessops engagement show ${id}`,
        );
      if (asked.length > 1)
        throw usage("several are to be proved", `name one: ${asked.map((one) => one.id).join(", ")}`);
      const { contract: name, inputs } = challengeCall(only);
      const { contract } = findContract(() => definitions, name);
      const all = port === undefined ? inputs : { ...inputs, port: Number(port) };
      const owner = definitions.workspace().owner;
      const objective = given.objective ?? contract.purpose;
      const runbook = implicitRunbook(contract, Object.keys(all), owner, "internal", objective);
      const request = requestOf(definitions, runbook, all, { ...given, engagement: id });
      const view = await startAndDrive(lane, definitions, request, context);
      const proof = await recordDomainControl(lane, view.run, only);
      return {
        exit: exit.done,
        json: { engagement: id, authorization: only.id, run: view.run, ...proof },
        print(out) {
          out.line(
            { text: "proved", style: "good" },
            `: ${only.challenge?.domain} published the token of \`${only.id}\``,
          );
          out.line(`it holds until ${proof.expiresAt} (host's claim); the look-up is run ${view.run}`);
        },
      };
    });
  },
});
