import { usage } from "./cli-error.ts";

/** A word out of a closed set. @throws CliError `USAGE`. */
export function choice<const T extends string>(option: string, word: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === word);
  if (found !== undefined) return found;
  throw usage(
    `\`${word}\` is no value of \`${option}\``,
    `one of ${allowed.map((one) => `\`${one}\``).join(", ")}`,
  );
}

/** As `choice`, for each word. */
export function choices<const T extends string>(
  option: string,
  words: readonly string[],
  allowed: readonly T[],
): T[] {
  return words.map((word) => choice(option, word, allowed));
}
