import { effects } from "../contract/vocabulary.ts";
import type { JsonObject } from "../format/json.ts";
import { choice } from "./choice.ts";
import { usage } from "./cli-error.ts";
import {
  argument,
  type Context,
  defineCommand,
  flag,
  option,
  type Result,
  repeatedOption,
} from "./command.ts";
import { printContractTest } from "./contract-test.ts";
import { exit } from "./exit.ts";
import { findContract } from "./find-contract.ts";
import { definitionsOf } from "./open-definitions.ts";
import { readIdentity } from "./read-identity.ts";
import { inputsOf } from "./run-request.ts";
import { testRecorded } from "./test-recorded.ts";

export const command = defineCommand({
  parameters: {
    contract: argument("id, `id@version`, or the path of a file"),
    run: option("--run <run>", "recorded: only the calls of this run (default: every call of the workspace)"),
    mock: flag(
      "--mock",
      "instead of recorded calls: a mock made from the vendor's description that the contract pins",
    ),
    live: flag("--live", "or one real call in a lab engagement, with `--consent`"),
    with: repeatedOption("--with <name=value>", "an input (mock: those not given are generated)"),
    inputs: option("--inputs <file>", "inputs as a JSON object"),
    consent: repeatedOption(
      "--consent <target>",
      "live: the target as the plan shows it, `kind:value`; once for each",
    ),
    effect: option("--effect <effect>", "live: repeats the effect of a contract that does more than read"),
    engagement: option("--engagement <id>", "live: lab engagement to call in (default: the only one)"),
    identity: option(
      "--identity <file>",
      "recorded, live: an age identity file that opens results which are sealed",
    ),
    as: option("--as <principal>", "live: who asks (default: the workspace's owner)"),
  },
  example: "catalog test catalog/tls/inspect.yaml",
  async run(given, context) {
    refuseMixed(given);
    const { contract, digest } = findContract(() => definitionsOf(context), given.contract);
    const open = given.identity === undefined ? undefined : await readIdentity(given.identity);
    if (!given.mock && !given.live) return testRecorded(contract, given.run, open, context);
    const inputs = inputsOf(contract.inputs as JsonObject, { input: given.with, inputs: given.inputs });
    return given.mock
      ? mocked(contract, inputs, context)
      : (await import("./test-live.ts")).testLive({ ...given, contract, digest, inputs, open }, context);
  },
});

async function mocked(
  contract: ReturnType<typeof findContract>["contract"],
  inputs: JsonObject,
  context: Context,
): Promise<Result> {
  const { testMock } = await import("./test-mock.ts");
  const test = await testMock(definitionsOf(context), contract, inputs, (line) => context.progress(line));
  return {
    exit: test.problems.length === 0 ? exit.done : exit.refused,
    json: test,
    print: (out) => printContractTest(out, test),
  };
}

function refuseMixed(given: {
  readonly run: string | undefined;
  readonly mock: boolean;
  readonly live: boolean;
  readonly with: readonly string[];
  readonly inputs: string | undefined;
  readonly consent: readonly string[];
  readonly identity: string | undefined;
  readonly effect: string | undefined;
  readonly engagement: string | undefined;
  readonly as: string | undefined;
}): void {
  const { run, mock, live, effect, engagement, as } = given;
  if (mock && live) throw usage("`--mock` and `--live` are two tests", "run one after the other");
  if (mock && given.identity !== undefined)
    throw usage("a mock opens what it seals", "`--identity` is of recorded calls and of `--live`");
  if (run !== undefined && (mock || live)) throw usage("`--run` is of recorded calls", "leave it out");
  if (!live && (given.consent.length > 0 || [effect, engagement, as].some((one) => one !== undefined)))
    throw usage("`--consent`, `--effect`, `--engagement` and `--as` are of `--live`");
  if (!live && !mock && (given.with.length > 0 || given.inputs !== undefined))
    throw usage("recorded calls have their inputs", "`--with` and `--inputs` are of `--mock` and `--live`");
  if (effect !== undefined) choice("--effect", effect, effects);
}
