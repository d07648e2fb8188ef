import { readReceipt } from "../receipt/read-receipt.ts";
import { notFound } from "./cli-error.ts";
import { defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { short } from "./find-receipt.ts";
import { withLedger } from "./open-ledger.ts";

export const command = defineCommand({
  parameters: {
    run: option("--run <run>", "only receipts of this run"),
    stream: option("--stream <stream>", "only this stream: `workspace`, `engagement:<id>`, `run:<id>`"),
  },
  example: "receipt list --stream workspace",
  async run({ run, stream }, context) {
    const receipts = await withLedger(context, (store) => {
      const only = run === undefined ? stream : `run:${run}`;
      const all = store.streams("");
      if (only !== undefined && !all.includes(only)) {
        throw notFound(`there is no stream \`${only}\``, `streams: ${all.slice(0, 10).join(", ")}`);
      }
      const streams = only === undefined ? all : [only];
      return streams
        .flatMap((name) => store.receipts(name))
        .map(({ digest, payload }) => {
          const { event, ledger, time, step } = readReceipt(payload).predicate;
          return { digest, event, ...ledger, claimedUtc: time.claimedUtc, step: step?.id, key: step?.key };
        });
    });
    return {
      exit: exit.done,
      json: { receipts },
      print(out) {
        out.table(
          ["stream", "seq", "event", "step", "time (host)", "digest"],
          receipts.map((entry) => [
            entry.stream,
            String(entry.seq),
            entry.event,
            entry.step === undefined ? "" : `${entry.step}${entry.key === undefined ? "" : `[${entry.key}]`}`,
            entry.claimedUtc,
            short(entry.digest),
          ]),
        );
      },
    };
  },
});
