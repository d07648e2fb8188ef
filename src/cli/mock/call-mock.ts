import { randomBytes } from "node:crypto";
import type { Contract } from "../../contract/contract.ts";
import { implicitRunbook } from "../../contract/implicit-runbook.ts";
import { canonicalBytes } from "../../format/canonical-json.ts";
import type { JsonObject } from "../../format/json.ts";
import { signEnvelope } from "../../format/signer.ts";
import { APPROVAL_PAYLOAD_TYPE } from "../../format/statement.ts";
import { utcFromMillis } from "../../format/time.ts";
import { advance } from "../../run/advance.ts";
import type { Lane } from "../../run/lane.ts";
import { recordApproval } from "../../run/record-approval.ts";
import { startRun } from "../../run/start-run.ts";
import { viewRun } from "../../run/view-run.ts";
import { CliError } from "../cli-error.ts";
import { ENGAGEMENT, type MockWorkspace, OWNER } from "./mock-workspace.ts";

/**
 * Calls a contract once in a mock's workspace: through all gates, with the approvals that it asks for.
 *
 * @param lane the workspace's, or one like it with another folder.
 * @returns id of the run.
 * @throws CliError `REFUSED` when the run is not admitted.
 */
export async function callMock(
  { people }: MockWorkspace,
  lane: Lane,
  contract: Contract,
  inputs: JsonObject,
): Promise<string> {
  const runbook = implicitRunbook(contract, Object.keys(inputs), OWNER, "internal", contract.purpose);
  const started = await startRun(lane, { runbook, engagement: ENGAGEMENT, inputs, requester: OWNER });
  if (!started.started)
    throw new CliError({
      code: "REFUSED",
      faults: started.problems.slice(1),
      message: started.problems[0] ?? started.reason,
    });
  const { run } = started;
  await advance(lane, run);
  // Who asked comes last: only a rule that wants their own approval still waits by then.
  for (const { id, signer } of people.toReversed()) {
    const waiting = viewRun(lane, run).steps[0]?.waitingFor;
    if (waiting?.what !== "approval" || waiting.actionDigest === undefined) break;
    const statement = {
      purpose: "witnessops/approval/v1",
      decision: "approve",
      actionDigest: waiting.actionDigest,
      principal: id,
      notAfter: utcFromMillis(lane.clock() + 3_600_000),
      nonce: randomBytes(16).toString("hex"),
    };
    await recordApproval(
      lane,
      run,
      await signEnvelope(signer, canonicalBytes(statement), APPROVAL_PAYLOAD_TYPE),
    );
    await advance(lane, run);
  }
  return run;
}
