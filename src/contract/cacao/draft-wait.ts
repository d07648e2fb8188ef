import type { JsonObject } from "../../format/json.ts";
import { draftContract } from "./draft-contract.ts";

/** The contract of every delay of a playbook. */
export function waitContract(prefix: string, sensitivity: string): JsonObject {
  return draftContract(
    {
      id: `${prefix}.wait`,
      title: "Wait",
      purpose: "The delay that the playbook has before a step.",
      inputs: { after: { type: "string", pattern: "^[0-9]{1,9}(ms|s)$" } },
      outputs: { at: { type: "string" } },
      subject: { kind: "delay", from: "inputs.after" },
      sensitivity,
      activity: undefined,
    },
    {
      execution: {
        adapter: "wait",
        with: { after: "inputs.after" },
        outputs: { at: "result.due" },
        timeout: "10s",
        idempotency: "safe",
      },
      errors: [
        {
          class: "NOT_GIVEN",
          side: "witnessops",
          retryable: false,
          when: "error.code == 'NOT_GIVEN'",
          meaning: "the time had not come",
        },
      ],
      artifacts: ["time"],
      attests: "that the step waited until then by the host's clock",
      doesNotAttest: "that the host's clock was right",
      waits: true,
      external: ["how the host's clock goes"],
    },
  );
}
