import { type FormField, manualForm } from "../contract/manual-form.ts";
import type { AnswerStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import type { Json, JsonObject } from "../format/json.ts";
import { ANSWER_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { awaitedAnswer, isWaitingForAnswer, recordAnswer } from "../run/record-answer.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, optionalArgument, repeatedOption } from "./command.ts";
import { confirm } from "./confirm.ts";
import { exit } from "./exit.ts";
import { findWaiting } from "./find-waiting.ts";
import { withLane } from "./open-lane.ts";
import { readJsonObject, readPairs } from "./read-input.ts";
import { statementSigner } from "./statement-signer.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    set: repeatedOption("--set <name=value>", "one field of the form"),
    file: option("--file <file>", "or the whole answer as a JSON object"),
    as: option("--as <principal>", "who answers"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
    yes: flag("--yes", "sign without asking: the task was read before"),
  },
  example: "run answer 3f9ab2c41d07e865 isolate --set done=true --as ana --ssh-key ~/.ssh/id_ed25519",
  async run({ run, step, set, file, as, key, sshKey, yes }, context) {
    return withLane(context, async ({ lane }) => {
      const state = lane.states.load(run);
      const found = findWaiting(state, step, "waits for an answer", isWaitingForAnswer);
      const { contract, awaited } = awaitedAnswer(lane, found);
      const form = manualForm(contract);
      if (as === undefined && set.length === 0 && file === undefined) {
        return {
          exit: exit.waiting,
          json: { run, invocation: found.id, actionDigest: found.action?.digest, task: awaited.task, form },
          print(out) {
            out.pairs([
              ["task", { text: awaited.task, style: "bold" }],
              [
                "asked of",
                awaited.roles.join(", ") + (awaited.independent ? ", not who asked for the run" : ""),
              ],
              ["until", found.action?.expiresAt ?? "there is no end"],
            ]);
            out.heading("form");
            out.table(
              ["field", "required", "schema"],
              form.map((field) => [field.name, field.required ? "yes" : "", JSON.stringify(field.schema)]),
            );
          },
        };
      }
      if (as === undefined) throw usage("`--as <principal>` is missing", "say who answers");
      const principals = lane.pinned.read("principals", state.document.principals);
      const sign = await statementSigner({ key, sshKey }, as, principals);
      const answer = file === undefined ? readPairs(set, formSchema(form)) : readJsonObject(file);
      context.progress(`task    ${awaited.task}`);
      context.progress(`answer  ${JSON.stringify(answer)}`);
      context.progress(`digest  ${found.action?.digest}`);
      if (!yes) await confirm(`Sign this answer as ${as}?`, "answer");
      const statement: AnswerStatement = {
        purpose: "witnessops/answer/v1",
        invocation: found.id,
        actionDigest: found.action?.digest ?? "",
        answer,
        principal: as,
        signedAt: utcFromMillis(Date.now()),
        nonce: lane.randomHex(16),
      };
      await recordAnswer(lane, run, await sign(canonicalBytes(statement), ANSWER_PAYLOAD_TYPE));
      return {
        exit: exit.done,
        json: { run, answer: statement },
        print(out) {
          out.line(`${found.id}: answered by ${as}; recorded. Next:`);
          out.line(`  witnessops run resume ${run}`);
        },
      };
    });
  },
});

function formSchema(form: readonly FormField[]): JsonObject {
  return { properties: Object.fromEntries(form.map(({ name, schema }) => [name, schema as Json])) };
}
