import { createInterface } from "node:readline/promises";
import { refused } from "./cli-error.ts";

/** Asks one question. @returns the answer without the spaces around it; empty when there is none. */
export type Ask = (question: string) => Promise<string>;

/**
 * Lets a person on the terminal be asked; undefined where there is none.
 *
 * @throws CliError `REFUSED` from `ask` after an interrupt or the end of input.
 */
export function terminal(): { readonly ask: Ask; close(): void } | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const left = new Promise<never>((_answer, refuse) => {
    // Without this, an interrupt or the end of input would leave the question open for ever.
    lines.once("close", () => refuse(refused("left before the last question: nothing was written")));
    lines.once("SIGINT", () => lines.close());
  });
  left.catch(() => undefined);
  return {
    ask: async (question) => (await Promise.race([lines.question(question), left])).trim(),
    close: () => lines.close(),
  };
}
