import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { expect, it } from "vitest";

const script = `
  const { runProcess } = await import(${JSON.stringify(new URL("run-process.ts", import.meta.url).href)});
  await runProcess({
    path: "/bin/ls",
    argv0: "ls",
    args: ["-l", "/proc/self/fd"],
    cwd: "/",
    environment: {},
    stdin: undefined,
    signal: AbortSignal.timeout(10000),
    onStdout: async (bytes) => void process.stdout.write(bytes),
    onStderr: async (bytes) => void process.stderr.write(bytes),
  });
`;

it.skipIf(process.platform !== "linux")("gives a program no file that this process was started with", () => {
  const folder = openSync("/usr", "r");
  try {
    // Node itself keeps the first dozen to itself.
    const stdio = ["ignore", "pipe", "pipe", ...Array.from({ length: 37 }, () => "ignore"), folder];
    const own = spawnSync("/bin/ls", ["-l", "/proc/self/fd"], { encoding: "utf8", stdio: stdio as never });
    expect(own.stdout.match(/-> \/usr$/gm)).toHaveLength(1);
    const args = ["--input-type=module", "-e", script];
    const done = spawnSync(process.execPath, args, { encoding: "utf8", stdio: stdio as never });
    expect(done.stdout).toMatch(/1 -> (pipe|socket):/);
    expect(done.stdout).not.toMatch(/\/usr$/m);
    expect(done.stdout).toMatch(/ 40 -> \/dev\/null$/m);
  } finally {
    closeSync(folder);
  }
});
