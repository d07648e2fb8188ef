import type { ReadBack } from "../contract/contract.ts";
import type { Runbook } from "../contract/runbook.ts";
import type { JsonObject } from "../format/json.ts";
import type { Again } from "./again.ts";
import { readGateRecord } from "./gate-record-binding.ts";
import type { Invoked } from "./invoked.ts";

/** How a doubt is read back: what its contract declares, and the inputs of the action in doubt. */
export interface Reading {
  readonly confirm: ReadBack;
  readonly inputs: JsonObject;
}

/** How the doubt of a step is read back; undefined when its contract declares nothing, or its record is absent. */
export async function readingOf(
  { bundle }: Again,
  { runbook }: { readonly runbook: Runbook },
  step: string | undefined,
  doubt: Invoked,
): Promise<Reading | undefined> {
  const uses = runbook.steps.find(({ id }) => id === step)?.uses;
  const confirm = bundle.contracts.get(uses ?? "")?.contract.execution.confirm;
  if (confirm === undefined || confirm === null || doubt.doubt?.record === undefined) return undefined;
  const record = await readGateRecord(bundle, doubt.doubt.record);
  return record && { confirm, inputs: record.action.inputs as JsonObject };
}
