// run.mjs <file> [arguments]: runs a file under the project's own Node.js, after setup when needed.
import { spawn } from "node:child_process";
import { delimiter, dirname, join, resolve } from "node:path";
import { nodeFlags, root, setup } from "./setup.mjs";

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write("error: no file to run\nhint: node scripts/run.mjs <file> [arguments]\n");
  process.exit(2);
}

const node = setup();
const child = spawn(node, [...nodeFlags, resolve(root, file), ...rest], {
  stdio: "inherit",
  env: {
    NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node"), // the sources start three times as fast
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}`,
  },
});

// a terminal sends its signals to both of us: we wait for the child, which decides
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  process.stderr.write(`error: ${file} did not start: ${error.message}\n`);
  process.exitCode = 1;
});
child.on("exit", (status, signal) => {
  if (signal === null) process.exitCode = status;
  else {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
});
