import type { JsonObject } from "../../format/json.ts";
import { DECIDE } from "../undecided.ts";
import type { DraftCall } from "./draft-contract.ts";
import type { TakeInput } from "./draft-http.ts";
import { celString, durationText } from "./playbook-text.ts";
import { shellWords } from "./shell-words.ts";
import { splitVariables } from "./variable-names.ts";

/** A `bash` command that is one program with words, as `exec`; undefined when a shell would do more with it. */
export function draftExec(
  line: string,
  outputs: readonly string[],
  timeout: number | undefined,
  take: TakeInput,
): DraftCall | undefined {
  const words = shellWords(line);
  if (words === undefined) return undefined;
  const [program = "", ...args] = words;
  if (splitVariables(program).some((part) => "variable" in part)) return undefined;
  return {
    execution: {
      adapter: "exec",
      with: {
        command: celString(program),
        args: args.map((arg) =>
          arg === ""
            ? "''"
            : splitVariables(arg)
                .map((part, index) => {
                  if ("literal" in part) return celString(part.literal);
                  // At the beginning of a word a value could pose as an option.
                  return `string(inputs.${take(part.variable, index === 0 ? "^[^-]" : undefined)})`;
                })
                .join(" + "),
        ),
        parse: "'lines'",
      },
      outputs: {
        lines: "result.stdout.lines",
        ...Object.fromEntries(
          outputs.map((name) => [name, `${DECIDE} which part of the output is \`${name}\``]),
        ),
      },
      timeout: durationText(Math.max(1, timeout ?? 60_000)),
      idempotency: `${DECIDE} safe, idempotent or unsafe`,
      isolation: "none",
    } as JsonObject,
    errors: [
      {
        class: "TOOL_MISSING",
        side: "operator",
        retryable: false,
        when: "error.phase == 'spawn'",
        meaning: "the program is not installed where this workspace runs",
      },
      {
        class: "TOOL_FAILED",
        side: "external",
        retryable: false,
        when: "error.phase == 'exit' && error.code != 'TIMEOUT'",
        meaning: "the program ended with another status than 0",
      },
    ],
    artifacts: ["stdout", "stderr"],
    attests: "what this program printed when it was run with these arguments",
    doesNotAttest: `${DECIDE} what the output does not prove`,
    waits: false,
    external: {
      invocation: ["what the program does once it is started"],
      transport: ["which connections the program makes: they do not pass the egress guard"],
      evidence: ["what the program prints"],
      interpretation: [`${DECIDE} what a reader must not conclude`],
    },
  };
}
