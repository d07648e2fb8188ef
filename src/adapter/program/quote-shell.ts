/**
 * Words as one line for a POSIX shell (XCU section 2.2.2): each in single quotes, between which nothing has a meaning,
 * so that the shell hands on exactly these words. They hold no NUL: no program can be given one.
 */
export function quoteShell(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}
