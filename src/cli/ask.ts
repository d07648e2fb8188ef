import { createInterface } from "node:readline/promises";
import { refused } from "./cli-error.ts";

/** Asks one question. @returns the answer without the spaces around it; empty when there is none. */
export type Ask = (question: string) => Promise<string>;

/**
 * Lets a person on the terminal be asked; undefined where there is none. Lines that were typed ahead answer the questions
 * that come.
 *
 * @throws CliError `REFUSED` from `ask` after an interrupt or the end of input.
 */
export function terminal(): { readonly ask: Ask; close(): void } | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // The iterator keeps what comes before it is asked for; `question` would lose it.
  const typed = lines[Symbol.asyncIterator]();
  lines.once("SIGINT", () => lines.close());
  return {
    async ask(question) {
      lines.setPrompt(question);
      lines.prompt();
      const line = await typed.next();
      if (line.done === true) throw refused("left before the last question: nothing was written");
      return line.value.trim();
    },
    close: () => lines.close(),
  };
}
