import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

/**
 * Starts a program with `stdio` that begins with the three standard files and goes on with what is given to `start`: none
 * of the files that this process was itself started with, whatever they are, is an input of the program.
 */
export function withoutInherited<T>(start: (further: readonly (number | "ignore")[]) => T): T {
  const inherited = inheritedFiles();
  if (inherited.length === 0) return start([]);
  const nothing = openSync("/dev/null", "r");
  try {
    // Each is replaced: "ignore" alone leaves what is there.
    const length = Math.max(...inherited) - 2;
    return start(Array.from({ length }, (_, n) => (inherited.includes(n + 3) ? nothing : "ignore")));
  } finally {
    closeSync(nothing);
  }
}

/** The files from the third on that a program would get (proc(5), `/proc/pid/fdinfo`). On Linux; elsewhere not known. */
function inheritedFiles(): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fdinfo")
    .map(Number)
    .filter((file) => file >= 3 && !isClosedOnExec(file));
}

function isClosedOnExec(file: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, "latin1"))?.[1];
    return (Number.parseInt(flags ?? "0", 8) & O_CLOEXEC) !== 0;
  } catch (error) {
    // The one that listed the folder is gone.
    if (error instanceof Error && Reflect.get(error, "code") === "ENOENT") return true;
    throw error;
  }
}
