import manifest from "../../package.json" with { type: "json" };

// The version is answered before anything else is loaded: it is what start-up is measured by.
if (process.argv.length === 3 && (process.argv[2] === "--version" || process.argv[2] === "-V")) {
  process.stdout.write(`${manifest.version}\n`);
} else {
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(process.argv.slice(2));
}
