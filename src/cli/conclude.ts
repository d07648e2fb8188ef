import type { ConclusionStatement, WithdrawalStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { hexOf, parseDigest } from "../format/digest.ts";
import { CONCLUSION_PAYLOAD_TYPE, WITHDRAWAL_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import type { Lane } from "../run/lane.ts";
import { type LedgerConclusion, readConclusions } from "../run/read-conclusions.ts";
import { recordConclusion } from "../run/record-conclusion.ts";
import { recordWithdrawal } from "../run/record-withdrawal.ts";
import type { Store } from "../run/store.ts";
import { choice } from "./choice.ts";
import { notFound, usage } from "./cli-error.ts";
import {
  argument,
  type Context,
  defineCommand,
  option,
  type Result,
  repeatedOption,
  requiredOption,
} from "./command.ts";
import { exit } from "./exit.ts";
import { findReceipt, short } from "./find-receipt.ts";
import { withLane } from "./open-lane.ts";
import { statementSigner } from "./statement-signer.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    statement: option("--statement <text>", "what you infer"),
    confidence: option("--confidence <word>", "low, medium or high"),
    cite: repeatedOption(
      "--cite <receipt[:artifact]>",
      "a receipt's digest or its first digits, or the id of an artifact; may be given again",
    ),
    supersedes: option(
      "--supersedes <conclusion>",
      "the conclusion that this one takes the place of: its digest, or first digits",
    ),
    withdraw: option("--withdraw <conclusion>", "instead of concluding: take a conclusion back"),
    reason: option("--reason <text>", "why it is taken back"),
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
    return given.withdraw === undefined ? conclude(given, context) : withdraw(given, given.withdraw, context);
  },
});

interface Given {
  readonly run: string;
  readonly statement: string | undefined;
  readonly confidence: string | undefined;
  readonly cite: readonly string[];
  readonly supersedes: string | undefined;
  readonly reason: string | undefined;
  readonly as: string;
  readonly key: string | undefined;
  readonly sshKey: string | undefined;
}

async function conclude(given: Given, context: Context): Promise<Result> {
  const { run, statement, as, supersedes } = given;
  if (statement === undefined || given.confidence === undefined)
    throw usage(
      "a conclusion needs `--statement` and `--confidence`",
      "say what you infer, and how sure you are",
    );
  if (given.reason !== undefined) throw usage("`--reason` is for `--withdraw`", "leave it out");
  const confidence = choice("--confidence", given.confidence, ["low", "medium", "high"]);
  if (given.cite.length === 0) throw usage("a conclusion cites what it rests on", "add `--cite <receipt>`");
  return withLane(context, async ({ lane }) => {
    const { document } = lane.states.load(run);
    const sign = await statementSigner(given, as, lane.pinned.read("principals", document.principals));
    const conclusion: ConclusionStatement = {
      purpose: "witnessops/conclusion/v1",
      run,
      label: "inferred",
      statement,
      confidence,
      cites: given.cite.map((cite) => citationOf(lane.store, run, cite)),
      ...(supersedes === undefined ? {} : { supersedes: findConclusion(lane, run, supersedes).digest }),
      principal: as,
      signedAt: utcFromMillis(Date.now()),
    };
    const envelope = await sign(canonicalBytes(conclusion), CONCLUSION_PAYLOAD_TYPE);
    const { digest, statement: recorded } = await recordConclusion(lane, run, envelope);
    return {
      exit: exit.done,
      json: { run, digest, conclusion: recorded },
      print(out) {
        out.pairs([
          ["inferred", recorded.statement],
          ["confidence", recorded.confidence],
          ["by", recorded.principal],
          ["cites", recorded.cites.map(({ receipt }) => short(receipt)).join(", ")],
          ["supersedes", recorded.supersedes === undefined ? undefined : short(recorded.supersedes)],
          ["digest", digest],
        ]);
      },
    };
  });
}

async function withdraw(given: Given, conclusion: string, context: Context): Promise<Result> {
  const { run, as, reason } = given;
  const more = [given.statement, given.confidence, given.supersedes].some((one) => one !== undefined);
  if (more || given.cite.length > 0)
    throw usage(
      "`--withdraw` takes a conclusion back and says nothing new",
      "conclude again with `--supersedes`",
    );
  if (reason === undefined) throw usage("a conclusion is taken back for a reason", "add `--reason <text>`");
  return withLane(context, async ({ lane }) => {
    const { document } = lane.states.load(run);
    const sign = await statementSigner(given, as, lane.pinned.read("principals", document.principals));
    const { digest, statement } = findConclusion(lane, run, conclusion);
    const withdrawal: WithdrawalStatement = {
      purpose: "witnessops/withdrawal/v1",
      run,
      conclusion: digest,
      principal: as,
      reason,
      signedAt: utcFromMillis(Date.now()),
    };
    const recorded = await recordWithdrawal(
      lane,
      run,
      await sign(canonicalBytes(withdrawal), WITHDRAWAL_PAYLOAD_TYPE),
    );
    return {
      exit: exit.done,
      json: { run, withdrawal: recorded },
      print(out) {
        out.pairs([
          ["withdrawn", statement.statement],
          ["by", recorded.principal],
          ["because", recorded.reason],
        ]);
      },
    };
  });
}

/** A conclusion of the run, by its digest or the first digits of it. */
function findConclusion(lane: Lane, run: string, text: string): LedgerConclusion {
  const { engagement } = lane.states.load(run).document;
  const wanted = text.replace(/^sha256:/, "");
  const found = readConclusions(lane.store, engagement.id).all.filter(
    ({ digest, statement }) => statement.run === run && hexOf(digest).startsWith(wanted),
  );
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const how = only === undefined ? "has no conclusion" : "has several conclusions";
  throw notFound(`run \`${run}\` ${how} \`${text}\``, `witnessops report ${engagement.id}`);
}

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
