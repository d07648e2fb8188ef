// need-python.ts: makes sure that there is a Python with `cryptography`, which the second implementation of verification
// is written for. As root on Debian its packages are installed; elsewhere it says what is missing.
import { spawnSync } from "node:child_process";
import { needProgram } from "./need-program.ts";

const DEBIAN = "/usr/bin/python3";

/** The first on the path that has it, else Debian's; or what a skipped test says. */
export function needPython(): { program: string } | { missing: string } {
  for (const program of ["python3", DEBIAN]) if (hasCryptography(program)) return { program };
  const packages = "/usr/lib/python3/dist-packages/cryptography";
  const missing = needProgram(DEBIAN, "python3") ?? needProgram(packages, "python3-cryptography");
  if (missing === undefined && hasCryptography(DEBIAN)) return { program: DEBIAN };
  return { missing: missing ?? "skipped: needs `python3` with `cryptography`" };
}

function hasCryptography(program: string): boolean {
  return spawnSync(program, ["-c", "import cryptography"], { stdio: "ignore" }).status === 0;
}

if (import.meta.main) {
  const found = needPython();
  if ("missing" in found) {
    console.error(
      "error: there is no `python3` with `cryptography`\nhint: apt-get install python3 python3-cryptography",
    );
    process.exitCode = 1;
  }
}
