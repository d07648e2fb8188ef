import { createInterface } from "node:readline/promises";
import { refused } from "./cli-error.ts";

/**
 * Asks a person on the terminal to type a word; anything else, and no terminal, refuses.
 *
 * @throws CliError `REFUSED`.
 */
export async function confirm(question: string, word: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw refused("nobody is here to confirm", "add `--yes` after reading what would be signed");
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const typed = await lines.question(`${question} Type \`${word}\` to go on: `);
    if (typed.trim() !== word) throw refused("not confirmed: nothing was signed");
  } finally {
    lines.close();
  }
}
