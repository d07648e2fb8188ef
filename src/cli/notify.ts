import { implicitRunbook } from "../contract/implicit-runbook.ts";
import { membersOf } from "../contract/schema-members.ts";
import type { JsonObject } from "../format/json.ts";
import { advance } from "../run/advance.ts";
import type { Lane } from "../run/lane.ts";
import { startRun } from "../run/start-run.ts";
import { type RunView, type StepView, viewRun } from "../run/view-run.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import type { NotifyRule, Occasion } from "../store/workspace-file.ts";
import type { Context } from "./command.ts";
import { nameOf } from "./print-run.ts";

/** Something that people may want to be told of. */
export interface News {
  readonly on: Occasion;
  readonly step: string;
  readonly text: string;
}

/** What is new in a run since it was looked at before: steps that began to wait, and failures that were escalated. */
export function newsOf(before: RunView | undefined, after: RunView): News[] {
  const known = new Set((before?.steps ?? []).map((step) => waitKey(step)));
  return after.steps.flatMap((step): News[] => {
    const { waitingFor } = step;
    if (waitingFor === undefined || known.has(waitKey(step))) return [];
    const name = nameOf(step);
    const until = waitingFor.expiresAt === undefined ? "" : ` until ${waitingFor.expiresAt}`;
    if (waitingFor.escalatedTo !== undefined)
      return [
        {
          on: "escalated",
          step: name,
          text: `${name} did not succeed; escalated to ${waitingFor.escalatedTo}`,
        },
      ];
    // A time comes by itself.
    if (waitingFor.what === "time") return [];
    return [{ on: "waiting", step: name, text: `${name} waits for ${WHAT[waitingFor.what]}${until}` }];
  });
}

const WHAT = {
  approval: "an approval",
  answer: "somebody's answer",
  signal: "a webhook",
  resolution: "somebody who knows whether it happened",
  release: "somebody to release it",
} as const;

function waitKey({ invocation, waitingFor }: StepView): string {
  return `${invocation} ${waitingFor?.what ?? ""} ${waitingFor?.escalation ?? ""} ${waitingFor?.actionDigest ?? ""}`;
}

/**
 * Tells people what is new, by the workspace's `notify`: each message is a call of its own, through the gates, with its
 * own receipts. That one could not be sent is said and ends nothing.
 */
export async function notify(
  lane: Lane,
  definitions: WorkspaceDefinitions,
  run: RunView,
  news: readonly News[],
  context: Context,
): Promise<void> {
  const rules = definitions.workspace().notify ?? [];
  for (const { on, step, text } of news) {
    for (const rule of rules) {
      // What happens in the engagement of notifications notifies nobody.
      if (!rule.on.includes(on) || rule.engagement === run.engagement) continue;
      try {
        const sent = await send(lane, definitions, rule, run, { on, step, text });
        if (sent !== undefined) context.progress(`not told by ${rule.contract}: ${sent}`);
      } catch (error) {
        context.progress(`not told by ${rule.contract}: ${(error as Error).message}`);
      }
    }
  }
}

/** Sends one message. @returns why it was not sent. */
async function send(
  lane: Lane,
  definitions: WorkspaceDefinitions,
  rule: NotifyRule,
  run: RunView,
  { on, step, text }: News,
): Promise<string | undefined> {
  const { contract } = definitions.contract(rule.contract);
  const about: JsonObject = {
    text: `WitnessOps run ${run.run} (${run.runbook}, ${run.engagement}): ${text}`,
    run: run.run,
    step,
    on,
    engagement: run.engagement,
    runbook: run.runbook,
    requester: run.requester,
  };
  const { properties } = membersOf(contract.inputs);
  const asked = Object.entries(about).filter(([name]) => Object.hasOwn(properties, name));
  const inputs: JsonObject = { ...Object.fromEntries(asked), ...rule.with };
  const owner = definitions.workspace().owner;
  const started = await startRun(lane, {
    runbook: implicitRunbook(contract, Object.keys(inputs), owner, "internal", contract.purpose),
    engagement: rule.engagement,
    inputs,
    requester: rule.as ?? owner,
    ticket: run.run,
  });
  if (!started.started) return started.problems.join("; ");
  await advance(lane, started.run);
  const [call] = viewRun(lane, started.run).steps;
  if (call?.outcome === "executed") return undefined;
  return `${call?.errorClass ?? call?.reason ?? call?.outcome ?? "nothing was called"}; \`witnessops run show ${started.run}\``;
}
