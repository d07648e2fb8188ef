import manifest from "../../package.json" with { type: "json" };

// The version is answered before anything else is loaded: it is what start-up is measured by.
if (process.argv.length === 3 && (process.argv[2] === "--version" || process.argv[2] === "-V")) {
  process.stdout.write(`${manifest.version}\n`);
} else {
  // A command decides a few policy requests with 4 MB of WebAssembly. Checking functions as they are first called, and
  // not optimising them for a long life that most commands do not have, halves the time until the first decision.
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--wasm-lazy-validation");
  setFlagsFromString("--wasm-tiering-budget=100000000");
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(process.argv.slice(2));
}
