import { referenceOf } from "../contract/contract.ts";
import { implicitRunbook } from "../contract/implicit-runbook.ts";
import type { JsonObject } from "../format/json.ts";
import { RunError } from "../run/run-error.ts";
import { CliError, refused } from "./cli-error.ts";
import { argument, defineCommand, flag, option, repeatedOption } from "./command.ts";
import { findContract } from "./find-contract.ts";
import { withLane } from "./open-lane.ts";
import { exitOfRun, printRun } from "./print-run.ts";
import { inputsOf, requestOf, requestParameters } from "./run-request.ts";
import { startAndDrive } from "./start-and-drive.ts";

export const command = defineCommand({
  parameters: {
    contract: argument("id, `id@version`, or with `--draft` the path of a file"),
    with: repeatedOption("--with <name=value>", "an input; lists and numbers as JSON; may be given again"),
    inputs: option("--inputs <file>", "inputs as a JSON object"),
    draft: flag(
      "--draft",
      "run a contract that is not locked, in a lab engagement; always operational input",
    ),
    ...requestParameters,
  },
  example: "call tls.inspect --with host=example.com --engagement acme --as ana",
  async run(given, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const { contract, digest, file } = findContract(() => definitions, given.contract);
      const reference = referenceOf(contract);
      const isLocked = definitions.lock().contracts[reference] === digest;
      if (!given.draft && !isLocked) {
        if (definitions.draftFiles().includes(file))
          throw refused(
            `\`${reference}\` is a draft, held against documentation only`,
            "try it in a lab engagement with `--draft`; once it is checked, move it out of `catalog/drafts/` and lock it",
          );
        throw refused(
          `\`${reference}\` is not in the catalog lock as it stands`,
          "lock it with `witnessops catalog lock`, or try it in a lab engagement with `--draft`",
        );
      }
      const inputs = inputsOf(contract.inputs as JsonObject, { input: given.with, inputs: given.inputs });
      const objective = given.objective ?? contract.purpose;
      const owner = definitions.workspace().owner;
      const names = Object.keys(inputs);
      const request = requestOf(
        definitions,
        implicitRunbook(contract, names, owner, "internal", objective),
        inputs,
        given,
      );
      const drafts = given.draft ? { drafts: new Map([[reference, { contract, digest }]]) } : {};
      const view = await startAndDrive(lane, definitions, { ...request, ...drafts }, context).catch(
        (error: unknown) => {
          if (!(error instanceof RunError) || error.code !== "INPUTS_REFUSED") throw error;
          const hint = `witnessops catalog show ${given.contract}`;
          throw new CliError({ code: "INPUT_MALFORMED", message: error.message, hint, cause: error });
        },
      );
      return {
        exit: exitOfRun(view),
        json: view,
        print(out) {
          printRun(out, view);
          const outputs = view.steps[0]?.outputs;
          if (outputs === undefined) return;
          out.heading(`as reported by ${contract.system?.name ?? "the external system"}`);
          out.pairs(Object.entries(outputs).map(([name, value]) => [name, JSON.stringify(value)]));
        },
      };
    });
  },
});
