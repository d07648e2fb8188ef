// need-program.ts <program> <Debian package>: makes sure that a program of the system is there. As root on Debian it is
// installed; elsewhere it says what is missing, and how to get it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

const LOCK = join(tmpdir(), "witnessops-apt.lock");

/** Undefined when the program is there or could be installed; else what a skipped test says. */
export function needProgram(program: string, debianPackage: string): string | undefined {
  if (isThere(program)) return undefined;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    // Several test files may want packages at once, and apt takes one at a time.
    const apt = (...words: string[]) => spawnSync("flock", [LOCK, "apt-get", ...words], options);
    const options = { stdio: "ignore" as const, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    const install = ["install", "--yes", "--no-install-recommends", debianPackage];
    if (!isThere(program) && apt(...install).status !== 0) {
      apt("update");
      apt(...install);
    }
    if (isThere(program)) return undefined;
  }
  return `skipped: needs \`${program}\` (Debian package \`${debianPackage}\`)`;
}

function isThere(program: string): boolean {
  if (isAbsolute(program)) return existsSync(program);
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}

if (import.meta.main) {
  const [program = "", debianPackage = program] = process.argv.slice(2);
  const missing = needProgram(program, debianPackage);
  if (missing !== undefined) {
    console.error(`error: there is no \`${program}\`\nhint: apt-get install ${debianPackage}`);
    process.exitCode = 1;
  }
}
