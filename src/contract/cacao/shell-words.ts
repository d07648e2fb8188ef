/** Programs that take a line of code or run another program: their arguments are not what a contract can bound. */
const RUNS_OTHERS =
  /^(sh|bash|dash|zsh|ksh|fish|csh|tcsh|sudo|su|doas|env|eval|exec|xargs|find|awk|sed|perl|python[0-9.]*|ruby|node|php|ssh|nohup|timeout|nice|watch|time|source|busybox|powershell|pwsh|cmd|for|while|if|cd|export|set)$/;
const PROGRAM = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;
const MAX_WORDS = 200;

/**
 * The words of a command line that is one program with fixed words, in POSIX quoting; undefined for everything that a shell
 * would do more with (pipes, redirections, expansions, assignments), and for programs that run other programs.
 */
export function shellWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (const char of line.trim()) {
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (quote === '"' && /[`\\!]/.test(char)) return undefined;
      else word = (word ?? "") + char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/[ \t]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (/[|&;<>()`\\*?[\]{}~#!\r\n]/.test(char)) return undefined;
    else word = (word ?? "") + char;
    if (words.length > MAX_WORDS) return undefined;
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  const [program = ""] = words;
  // A `$` that is left over after the playbook's own variables is the shell's.
  const hasShellVariable = words.some((one) =>
    one.replace(/\$\$[A-Za-z][A-Za-z0-9_-]{0,199}\$\$/g, "").includes("$"),
  );
  return PROGRAM.test(program) && !RUNS_OTHERS.test(program) && !hasShellVariable ? words : undefined;
}
