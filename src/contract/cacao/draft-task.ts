import { sha256Hex } from "../../format/crypto.ts";
import type { JsonObject } from "../../format/json.ts";
import type { DraftCall } from "./draft-contract.ts";
import { celString, durationText } from "./playbook-text.ts";

const MAX_TEXT = 2500;

/**
 * A task that a person does. The text stands as the playbook has it; values of variables are told behind it, so
 * that none becomes part of a command that somebody copies.
 *
 * @param reads names of the contract's inputs by the name in the text.
 * @param fields names of the form's fields.
 */
export function draftTask(
  text: string,
  reads: ReadonlyMap<string, { readonly name: string; readonly isText: boolean }>,
  fields: readonly string[],
  timeout: number | undefined,
): DraftCall {
  const shown =
    text.length <= MAX_TEXT
      ? text
      : `${text.slice(0, MAX_TEXT)}… (cut; the whole text is in the playbook and has the SHA-256 ${sha256Hex(text)})`;
  const values = [...reads]
    .slice(0, 20)
    .map(
      ([variable, { name, isText }]) =>
        ` + ${celString(`; \`${variable}\` is: `)} + ${isText ? `inputs.${name}` : `string(inputs.${name})`}`,
    );
  return {
    execution: {
      adapter: "manual",
      with: {
        task: `${celString(shown)}${values.join("")}`,
        ...(timeout === undefined ? {} : { within: celString(durationText(timeout)) }),
      },
      outputs: {
        ...Object.fromEntries(fields.map((name) => [name, `result.answer.${name}`])),
        answeredBy: "result.by",
      },
      timeout: "10s",
      idempotency: "safe",
    } as JsonObject,
    errors: [
      {
        class: "NOT_DONE",
        side: "operator",
        retryable: false,
        when: "error.code == 'NOT_DONE'",
        meaning: "it could not be done",
      },
    ],
    artifacts: ["answer"],
    attests: "that this person signed this answer",
    doesNotAttest: "that what they say is so",
    waits: true,
    external: ["whether it was done, and how"],
  };
}
