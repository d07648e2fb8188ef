import { createInterface } from "node:readline/promises";
import { refused } from "./cli-error.ts";

/**
 * Asks a person on the terminal to type a word; anything else, an interrupt, and no terminal refuse.
 *
 * @throws CliError `REFUSED`.
 */
export async function confirm(question: string, word: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw refused("nobody is here to confirm", "add `--yes` after reading what would be signed");
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const left = new Promise<never>((_answer, refuse) => {
    // Without this, an interrupt or the end of input would leave the question open for ever.
    lines.once("close", () => refuse(refused("not confirmed: nothing was signed")));
    lines.once("SIGINT", () => lines.close());
  });
  try {
    const typed = await Promise.race([lines.question(`${question} Type \`${word}\` to go on: `), left]);
    if (typed.trim() !== word) throw refused("not confirmed: nothing was signed");
  } finally {
    left.catch(() => undefined);
    lines.close();
  }
}
