import type { ReviewStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { REVIEW_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { recordReview } from "../run/record-review.ts";
import { type GlassUse, isUnreviewed, reviewsOf } from "../run/reviews.ts";
import { choice } from "./choice.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, optionalArgument } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { statementSigner } from "./statement-signer.ts";

const FINDINGS = ["justified", "unjustified"] as const;

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    invocation: optionalArgument("the step that was done without approval (default: the only one)"),
    finding: option(
      "--finding <finding>",
      "justified or unjustified; without it, what is to be reviewed is shown",
    ),
    reason: option("--reason <text>", "why; signed with it"),
    as: option("--as <principal>", "the reviewer: neither who acted nor who asked"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
  },
  example: "run review 3f9ab2c41d07e865 --finding justified --reason 'it spread' --as ana --key ana.pem",
  async run({ run, invocation, finding, reason, as, key, sshKey }, context) {
    return withLane(context, async ({ lane }) => {
      const state = lane.states.load(run);
      const { id: engagement } = state.document.engagement;
      const uses = reviewsOf(lane.store, engagement, utcFromMillis(Date.now())).filter(
        (use) => use.run === run,
      );
      if (finding === undefined) {
        return {
          exit: uses.some(isUnreviewed) ? exit.waiting : exit.done,
          json: { run, breakGlass: uses },
          print: (out) =>
            out.table(
              ["step", "by", "because", "at", "review", "until"],
              uses.map((use) => [use.invocation, use.by, use.reason, use.at, use.state, use.dueAt]),
            ),
        };
      }
      const found = choice("--finding", finding, FINDINGS);
      if (as === undefined || reason === undefined)
        throw usage("a review says who and why", "add `--as <principal>` and `--reason <text>`");
      const use = pick(uses, run, invocation);
      const sign = await statementSigner(
        { key, sshKey },
        as,
        lane.pinned.read("principals", state.document.principals),
      );
      const statement: ReviewStatement = {
        purpose: "witnessops/review/v1",
        engagement,
        run,
        receipt: use.receipt,
        finding: found,
        principal: as,
        reason,
        signedAt: utcFromMillis(Date.now()),
        nonce: lane.randomHex(16),
      };
      await recordReview(lane, run, await sign(canonicalBytes(statement), REVIEW_PAYLOAD_TYPE));
      return {
        exit: exit.done,
        json: { run, review: statement },
        print: (out) => out.line(`${use.invocation}: ${found}, says ${as}; recorded`),
      };
    });
  },
});

function pick(uses: readonly GlassUse[], run: string, named: string | undefined): GlassUse {
  const due = uses.filter(isUnreviewed);
  const fits =
    named === undefined
      ? due
      : due.filter(({ invocation }) => invocation === named || invocation === `${run}/${named}`);
  const [only] = fits;
  if (only === undefined)
    throw refused(`nothing in run \`${run}\` is to be reviewed`, `witnessops run review ${run}`);
  if (fits.length > 1)
    throw usage(
      "several steps are to be reviewed",
      `name one: ${fits.map(({ invocation }) => invocation).join(", ")}`,
    );
  return only;
}
