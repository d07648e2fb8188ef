import { Command, CommanderError, Option } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { usage } from "./cli-error.ts";
import type { CliCommand, Context, Result } from "./command.ts";
import { type CommandEntry, commands, nouns } from "./commands.ts";
import { type Exit, exit } from "./exit.ts";
import { jsonLine, Printer } from "./output.ts";
import { reportError } from "./report-error.ts";

/**
 * Runs one command line and answers its exit status. Whatever goes wrong is printed here, as `error:` and `hint:`.
 *
 * @param argv the words after `witnessops`.
 */
export async function runProgram(argv: readonly string[]): Promise<Exit> {
  process.stdout.on("error", quietWhenClosed);
  // Progress that nobody reads stops no work: a run, or a witness that serves.
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") quietWhenClosed(error);
  });
  const json = argv.includes("--json");
  let status: Exit = exit.done;
  try {
    await buildProgram((ended) => {
      status = ended;
    }).parseAsync([...argv], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exit.done;
      return reportError(usageOf(error, argv), json);
    }
    return reportError(error, json);
  }
}

function buildProgram(end: (status: Exit) => void): Command {
  const program = strict(new Command("witnessops"))
    .description("governed security operations with evidence that anyone can verify offline")
    .helpCommand(false)
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: (command) => command.name() });
  common(program).option("-V, --version", "print the version");
  program.addHelpText(
    "after",
    "\nExample:\n  witnessops demo\n\n`witnessops <command> --help` says more about each.",
  );
  const parents = new Map<string, Command>();
  for (const { noun, summary } of nouns) {
    const parent = common(strict(program.command(noun).description(summary)))
      .helpCommand(false)
      .allowExcessArguments()
      .enablePositionalOptions();
    parent.action((_options, self: Command) => {
      throw usage(wrongVerb(noun, self.args[0]), `witnessops ${noun} --help`);
    });
    parent.configureHelp({ subcommandTerm: (command) => command.name() });
    const first = commands.find(({ name }) => name.startsWith(`${noun} `))?.name;
    parent.addHelpText("after", `\nExample:\n  witnessops ${first} --help`);
    parents.set(noun, parent);
  }
  for (const entry of commands) {
    const [first, verb] = entry.name.split(" ") as [string, string | undefined];
    const parent = verb === undefined ? program : (parents.get(first) as Command);
    parent
      .command(verb ?? first)
      .description(entry.summary)
      .argument("[words...]")
      .allowUnknownOption()
      .passThroughOptions()
      .helpOption(false)
      .action(async (words: string[], _options: object, self: Command) => {
        end(await runEntry(entry, words, self.optsWithGlobals()));
      });
  }
  program.action((options: { version?: boolean; json?: boolean }, self: Command) => {
    if (options.version === true && self.args.length === 0) {
      const { version } = manifest;
      process.stdout.write(`${options.json === true ? JSON.stringify({ version }) : version}\n`);
      return;
    }
    const word = self.args[0];
    throw usage(
      word === undefined ? "a command is missing" : `\`${word}\` is not a command`,
      "witnessops --help",
    );
  });
  program.allowExcessArguments();
  return program;
}

function wrongVerb(noun: string, word: string | undefined): string {
  const verbs = commands
    .filter(({ name }) => name.startsWith(`${noun} `))
    .map(({ name }) => name.split(" ")[1]);
  return `${word === undefined ? `\`${noun}\` needs a verb` : `\`${noun} ${word}\` is not a command`}: ${verbs.join(", ")}`;
}

/** Loads the command's own file, parses its words, runs it and prints what it answers. */
async function runEntry(entry: CommandEntry, words: string[], outer: Record<string, unknown>): Promise<Exit> {
  const { result, json } = await runWords(entry, words, outer);
  if (result === undefined) return exit.done;
  if (json) process.stdout.write(jsonLine(result.json, process.stdout.isTTY));
  else result.print(new Printer(process.stdout));
  return result.exit;
}

/**
 * Runs one command line without printing what it answers.
 *
 * @param argv the words after `witnessops`: the command's own first.
 */
async function runLine(argv: readonly string[]): Promise<Result> {
  const entry = commands.find(({ name }) => name === argv.slice(0, name.split(" ").length).join(" "));
  if (entry === undefined) throw usage(`\`${argv[0] ?? ""}\` is not a command`, "witnessops --help");
  const { result } = await runWords(entry, argv.slice(entry.name.split(" ").length), {});
  if (result === undefined) throw new TypeError(`\`${entry.name}\` answered nothing`);
  return result;
}

/** Parses a command's words and runs it; there is no result when they only asked for help. */
async function runWords(
  entry: CommandEntry,
  words: readonly string[],
  outer: Record<string, unknown>,
): Promise<{ result: Result | undefined; json: boolean }> {
  const { command } = await entry.load();
  const parser = common(strict(new Command(entry.name))).description(entry.summary);
  parser.usage(usageLine(command)).addHelpText("after", `\nExample:\n  witnessops ${command.example}`);
  const names = declare(parser, command);
  let result: Result | undefined;
  let json = false;
  parser.action(async () => {
    const options: Record<string, unknown> = { ...outer, ...parser.opts() };
    const given: Record<string, unknown> = {};
    for (const [name, { place, read }] of Object.entries(command.parameters)) {
      const position = names.positions.indexOf(name);
      given[name] = read(
        position >= 0 ? parser.processedArgs[position] : options[names.options.get(name) ?? place],
      );
    }
    json = options.json === true;
    result = await command.run(given, context(options.workspace, json));
  });
  parser.configureHelp({ commandUsage: () => `witnessops ${entry.name} ${parser.usage()}` });
  await parser.parseAsync([...words], { from: "user" });
  return { result, json };
}

function declare(
  parser: Command,
  command: CliCommand,
): { positions: string[]; options: Map<string, string> } {
  const positions: string[] = [];
  const options = new Map<string, string>();
  for (const [name, { place, syntax, summary }] of Object.entries(command.parameters)) {
    if (place === "argument" || place === "optional-argument" || place === "rest") {
      parser.argument(argumentSyntax(name, place), summary);
      positions.push(name);
      continue;
    }
    const declared = new Option(syntax, summary);
    if (place === "required-option") declared.makeOptionMandatory();
    if (place === "repeated") {
      declared.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
    }
    parser.addOption(declared);
    options.set(name, declared.attributeName());
  }
  return { positions, options };
}

function argumentSyntax(name: string, place: string): string {
  const word = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (place === "argument") return `<${word}>`;
  return place === "rest" ? `[${word}...]` : `[${word}]`;
}

function usageLine(command: CliCommand): string {
  const positions = Object.entries(command.parameters)
    .filter(([, { place }]) => place.endsWith("argument") || place === "rest")
    .map(([name, { place }]) => argumentSyntax(name, place));
  return [...positions, "[options]"].join(" ");
}

function context(workspace: unknown, json: boolean): Context {
  const out = new Printer(process.stderr);
  return {
    workspace: typeof workspace === "string" ? workspace : undefined,
    json,
    progress: (line) => out.line({ text: line, style: "dim" }),
    runLine,
  };
}

function common(command: Command): Command {
  return command
    .option("-C, --workspace <dir>", "the workspace (default: nearest parent with a witnessops.yaml)")
    .option("--json", "print one JSON value");
}

/** Commander reports to us instead of printing and leaving. */
function strict(command: Command): Command {
  return command.exitOverride().configureOutput({ writeErr: () => {} });
}

function usageOf(error: CommanderError, argv: readonly string[]): Error {
  const [first = "", ...rest] = ownWords(error).split("\n");
  const words = argv.filter((word) => !word.startsWith("-"));
  const entry = commands.find(({ name }) => name === words.slice(0, name.split(" ").length).join(" "));
  const noun = nouns.find((known) => known.noun === words[0])?.noun;
  const help = ["witnessops", entry?.name ?? noun, "--help"].filter((word) => word !== undefined).join(" ");
  const guess = rest.join(" ").match(/\(Did you mean (.+)\?\)/)?.[1];
  return usage(first.replaceAll("'", "`"), guess === undefined ? help : `did you mean \`${guess}\`? ${help}`);
}

/** What Commander says, as our messages are spelt. */
function ownWords({ code, message }: CommanderError): string {
  if (code === "commander.excessArguments") {
    const extra =
      message
        .match(/: ([^:]*?)\.?$/)?.[1]
        ?.split(", ")
        .at(-1) ?? "";
    return `\`${extra}\` is one argument too many`;
  }
  return message
    .replace(/^error: /, "")
    .replace(/^option '(.*)' argument missing$/, "option '$1' needs a value");
}

/** A reader that went away is no fault; anything else that stops us from answering is told where it still can be. */
function quietWhenClosed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  process.exit(reportError(error, false));
}
