import { join } from "node:path";
import { type Artifact, RESULT_ARTIFACT } from "../contract/artifact.ts";
import type { Contract } from "../contract/contract.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { type MappedAgain, mapAgain } from "../contract/map-again.ts";
import type { Invocation, ReceiptPredicate } from "../contract/receipt-predicate.ts";
import { checkContractInputs } from "../contract/step-inputs.ts";
import type { Open } from "../evidence/age.ts";
import { readSalted } from "../evidence/salted.ts";
import { collectBytes } from "../format/byte-source.ts";
import { canonicalJson, parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import { runStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { readArtifact } from "../run/read-artifact.ts";
import type { Store } from "../run/store.ts";
import { openArtifactFolder } from "../store/artifact-folder.ts";
import { notFound } from "./cli-error.ts";
import type { Context, Result } from "./command.ts";
import { exit } from "./exit.ts";
import { withLedger } from "./open-ledger.ts";

const MAX_RESULT_BYTES = 64 * 1024 * 1024;

/** One recorded call, and what the contract would make of it now. */
interface Tested {
  readonly invocation: string;
  /** The version that was called. */
  readonly called: string;
  readonly verdict: "same" | "differs" | "faulty";
  readonly recorded: string;
  readonly now: MappedAgain;
}

type Called = ReceiptPredicate & {
  readonly invocation: Invocation;
  readonly contract: NonNullable<ReceiptPredicate["contract"]>;
};

/**
 * Maps the results of recorded calls with a contract as it stands now, and says which calls would end otherwise.
 *
 * @param only the calls of this run; default: of all.
 * @param open opens results that are sealed; default: they are counted and left out.
 * @throws CliError `NOT_FOUND` when no call with a result is recorded.
 */
export async function testRecorded(
  contract: Contract,
  only: string | undefined,
  open: Open | undefined,
  context: Context,
): Promise<Result> {
  const { tested, sealed } = await withLedger(context, async (store, root) => {
    const files = openArtifactFolder(join(root, ".witnessops", "artifacts"));
    const runs = store.runs().map(({ run }) => run);
    const found: Tested[] = [];
    let sealed = 0;
    for (const run of runs.filter((one) => only === undefined || one === only)) {
      for (const call of callsOf(store, run, contract.id)) {
        const artifact = resultOf(store, call);
        if (artifact === undefined) continue;
        const bytes = await readResult(store, files, artifact, open);
        if (bytes === undefined) sealed += 1;
        const value = bytes === undefined ? undefined : parseJson(bytes);
        const captured = value !== undefined && isJsonObject(value) ? value : undefined;
        const record = recordOf(store, call);
        if (captured === undefined || record === undefined) continue;
        const checked = checkContractInputs(contract, record.action.inputs as JsonObject);
        const now: MappedAgain = checked.ok
          ? mapAgain(contract, checked.inputs, captured)
          : { exit: "faulty", faults: checked.faults };
        found.push({ ...verdictOf(call, now), now });
      }
    }
    return { tested: found, sealed };
  });
  const unread = sealed === 0 ? "" : `; ${sealed} sealed ones stay closed`;
  if (tested.length === 0)
    throw notFound(
      `no call of \`${contract.id}\` with a captured result is recorded here${unread}`,
      `witnessops call ${contract.id}`,
    );
  const isFine = tested.every(({ verdict }) => verdict === "same");
  return {
    exit: isFine ? exit.done : exit.refused,
    json: { contract: `${contract.id}@${contract.version}`, tested, sealed },
    print(out) {
      out.table(
        ["invocation", "called", "verdict", "recorded", "now"],
        tested.map(({ invocation, called, verdict, recorded, now }) => [
          invocation,
          called,
          { text: verdict, style: verdict === "same" ? "good" : verdict === "differs" ? "warn" : "bad" },
          recorded,
          textOf(now),
        ]),
      );
      if (sealed > 0) out.line(`${sealed} sealed ones stay closed: \`--identity <file>\` opens them`);
    },
  };
}

/** The calls of a contract in a run that ended with a result or an error. */
function callsOf(store: Store, run: string, id: string): Called[] {
  return store
    .receipts(runStream(run))
    .map(({ payload }) => readReceipt(payload).predicate)
    .filter(
      (predicate): predicate is Called =>
        (predicate.event === "step-executed" || predicate.event === "step-failed") &&
        predicate.contract?.id === id &&
        predicate.invocation !== undefined,
    );
}

/** The captured result of a call's last attempt; undefined when it was retired. */
function resultOf(store: Store, { invocation, artifacts }: Called): Artifact | undefined {
  const last = invocation.attempts.at(-1);
  const id = `${invocation.id}/${last?.n}/${RESULT_ARTIFACT}`;
  return store.retired(id) ? undefined : artifacts?.find((one) => one.id === id);
}

/** Undefined when it is sealed, and to others than who is there. */
async function readResult(
  store: Store,
  files: ReturnType<typeof openArtifactFolder>,
  artifact: Artifact,
  open: Open | undefined,
): Promise<Uint8Array | undefined> {
  const stored = readArtifact({ store, files }, artifact);
  if (artifact.sealed === undefined) return collectBytes(stored, MAX_RESULT_BYTES);
  const plaintext = await open?.(stored);
  return plaintext && collectBytes(readSalted(plaintext).bytes, MAX_RESULT_BYTES);
}

function recordOf(store: Store, { invocation }: Called): GateRecord | undefined {
  const digest = invocation.attempts.at(-1)?.dispatchDigest;
  const bytes = digest === undefined ? undefined : store.document(digest as Digest);
  return bytes === undefined ? undefined : (parseJson(bytes) as unknown as GateRecord);
}

function verdictOf({ invocation, contract, event }: Called, now: MappedAgain): Omit<Tested, "now"> {
  const { outputs, errorClass } = invocation;
  const isSame =
    now.exit === "executed"
      ? event === "step-executed" && canonicalJson(now.outputs) === canonicalJson(outputs ?? null)
      : now.exit === "failed" && now.errorClass === errorClass;
  return {
    invocation: invocation.id,
    called: `${contract.id}@${contract.version}`,
    verdict: now.exit === "faulty" ? "faulty" : isSame ? "same" : "differs",
    recorded: event === "step-executed" ? "executed" : (errorClass ?? "failed"),
  };
}

function textOf(now: MappedAgain): string {
  if (now.exit === "faulty") return now.faults.join("; ");
  return now.exit === "executed" ? "executed" : now.errorClass;
}
