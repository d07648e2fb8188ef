import type { ConclusionStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { parseDigest } from "../format/digest.ts";
import { CONCLUSION_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { recordConclusion } from "../run/record-conclusion.ts";
import type { Store } from "../run/store.ts";
import { choice } from "./choice.ts";
import { notFound, usage } from "./cli-error.ts";
import { argument, defineCommand, option, repeatedOption, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { findReceipt, short } from "./find-receipt.ts";
import { withLane } from "./open-lane.ts";
import { statementSigner } from "./statement-signer.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    statement: requiredOption("--statement <text>", "what you infer"),
    confidence: requiredOption("--confidence <word>", "low, medium or high"),
    cite: repeatedOption(
      "--cite <receipt[:artifact]>",
      "a receipt's digest or its first digits, or the id of an artifact; may be given again",
    ),
    as: requiredOption("--as <principal>", "who concludes"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
  },
  example:
    "conclude 3f9ab2c41d07e865 --statement 'credential phishing' --confidence medium --cite 5be02c1f --as ana --key ana.pem",
  async run(given, context) {
    const { run, statement, as } = given;
    const confidence = choice("--confidence", given.confidence, ["low", "medium", "high"]);
    if (given.cite.length === 0) throw usage("a conclusion cites what it rests on", "add `--cite <receipt>`");
    return withLane(context, async ({ lane }) => {
      const state = lane.states.load(run);
      const sign = await statementSigner(
        given,
        as,
        lane.pinned.read("principals", state.document.principals),
      );
      const conclusion: ConclusionStatement = {
        purpose: "witnessops/conclusion/v1",
        run,
        label: "inferred",
        statement,
        confidence,
        cites: given.cite.map((cite) => citationOf(lane.store, run, cite)),
        principal: as,
        signedAt: utcFromMillis(Date.now()),
      };
      const envelope = await sign(canonicalBytes(conclusion), CONCLUSION_PAYLOAD_TYPE);
      const recorded = await recordConclusion(lane, run, envelope);
      return {
        exit: exit.done,
        json: { run, conclusion: recorded },
        print(out) {
          out.pairs([
            ["inferred", recorded.statement],
            ["confidence", recorded.confidence],
            ["by", recorded.principal],
            ["cites", recorded.cites.map(({ receipt }) => short(receipt)).join(", ")],
          ]);
        },
      };
    });
  },
});

/** A citation: `receipt`, `receipt:artifact digest`, or an artifact's id, which names both. */
function citationOf(store: Store, run: string, text: string): ConclusionStatement["cites"][number] {
  if (text.startsWith(`${run}/`)) {
    const row = store.artifacts(run).find(({ artifact }) => artifact.id === text);
    if (row === undefined)
      throw notFound(`there is no artifact \`${text}\``, `witnessops artifact list ${run}`);
    const receipt = store
      .receipts(`run:${run}`)
      .find(({ payload }) => new TextDecoder().decode(payload).includes(JSON.stringify(text)));
    if (receipt === undefined)
      throw notFound(`no receipt binds \`${text}\` yet`, `witnessops run show ${run}`);
    return { receipt: receipt.digest, artifact: row.artifact.digest };
  }
  const [, name = text, artifact] = /^(.+?)(?::(sha256:[0-9a-f]{64}))?$/.exec(text) ?? [];
  const { digest } = findReceipt(store, name);
  return { receipt: digest, ...(artifact === undefined ? {} : { artifact: parseDigest(artifact) }) };
}
