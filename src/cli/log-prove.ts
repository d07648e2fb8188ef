import { logEntryBytes } from "../contract/log-entry.ts";
import { type TlogProof, tlogProofText, verifyTlogProof } from "../ledger/tlog-proof.ts";
import { proveInclusion } from "../ledger/tree-proof.ts";
import { tileNodes } from "../store/log-folder.ts";
import { notFound, refused } from "./cli-error.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { findReceipt } from "./find-receipt.ts";
import { withLane } from "./open-lane.ts";
import { logFolderPath } from "./open-log.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    receipt: argument("digest of the receipt, or how it begins"),
    out: option("-o, --out <path>", "where to write it (default: on the terminal)"),
  },
  example: "log prove 3f9ab2c41d07 -o receipt.tlog-proof",
  async run({ receipt: named, out: path }, context) {
    return withLane(context, async ({ lane, log }) => {
      if (log === undefined)
        throw notFound("the workspace has no log", "name its `log.origin` in witnessops.yaml");
      const { digest, stream, seq } = findReceipt(lane.store, named);
      const head = await log.checkpoint();
      const tree = lane.store.log;
      const index = tree.indexes(stream)[seq];
      if (head === undefined || index === undefined)
        throw refused("the receipt is not in the log", "witnessops log audit");
      const entry = logEntryBytes({ receipt: digest, stream, seq });
      const proof: TlogProof = {
        extra: entry,
        index,
        path: proveInclusion(index, head.size, tileNodes(logFolderPath(lane.root), head.size)),
        checkpoint: head.bytes,
      };
      // Nobody is handed a proof that does not hold.
      if (!(await verifyTlogProof(proof, entry, log.key)))
        throw refused("the log does not prove its own entry: it is damaged", "witnessops log audit");
      const text = tlogProofText(proof);
      if (path !== undefined) writeNewFile(path, text);
      return {
        exit: exit.done,
        json: {
          receipt: digest,
          index,
          size: head.size,
          ...(path === undefined ? {} : { path }),
          proof: text,
        },
        print(out) {
          if (path === undefined) for (const line of text.trimEnd().split("\n")) out.line(line);
          else out.line(`entry ${index} of ${head.size}, in ${path}`);
        },
      };
    });
  },
});
