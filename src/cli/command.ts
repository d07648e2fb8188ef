import type { Exit } from "./exit.ts";
import type { Printer } from "./output.ts";

/** What a command takes: an argument by position, or an option. */
export interface Parameter<Value> {
  readonly place:
    | "argument"
    | "optional-argument"
    | "rest"
    | "option"
    | "required-option"
    | "flag"
    | "repeated";
  /** As commander spells it: `--key <file>`; empty for arguments, which are named by their member. */
  readonly syntax: string;
  readonly summary: string;
  /** Types what commander hands over. */
  read(raw: unknown): Value;
}

export const argument = (summary: string): Parameter<string> => parameter("argument", "", summary, String);
export const optionalArgument = (summary: string): Parameter<string | undefined> =>
  parameter("optional-argument", "", summary, textOrNothing);
export const restArguments = (summary: string): Parameter<readonly string[]> =>
  parameter("rest", "", summary, texts);
export const option = (syntax: string, summary: string): Parameter<string | undefined> =>
  parameter("option", syntax, summary, textOrNothing);
export const requiredOption = (syntax: string, summary: string): Parameter<string> =>
  parameter("required-option", syntax, summary, String);
export const flag = (syntax: string, summary: string): Parameter<boolean> =>
  parameter("flag", syntax, summary, (raw) => raw === true);
export const repeatedOption = (syntax: string, summary: string): Parameter<readonly string[]> =>
  parameter("repeated", syntax, summary, texts);

function parameter<Value>(
  place: Parameter<Value>["place"],
  syntax: string,
  summary: string,
  read: (raw: unknown) => Value,
): Parameter<Value> {
  return { place, syntax, summary, read };
}

function textOrNothing(raw: unknown): string | undefined {
  return raw === undefined ? undefined : String(raw);
}

function texts(raw: unknown): readonly string[] {
  return Array.isArray(raw) ? raw.map(String) : [];
}

/** What the command line was, around the command's own parameters. */
export interface Context {
  /** Folder given by `-C`, or undefined: then the nearest parent with a `witnessops.yaml`. */
  readonly workspace: string | undefined;
  /** Whether one JSON value is wanted on stdout. */
  readonly json: boolean;
  /** Tells a person how long work is going, on stderr. */
  progress(line: string): void;
  /** Runs another command line, the words after `witnessops`, without printing what it answers. */
  runLine(argv: readonly string[]): Promise<Result>;
}

/** How a command ended. It prints nothing itself, so that `--json` is exactly one value. */
export interface Result {
  readonly exit: Exit;
  readonly json: unknown;
  print(out: Printer): void;
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>;
export type Given<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer Value> ? Value : never;
};

/** One `witnessops <noun> <verb>`; lives in its own file, which is loaded when it is called. */
export interface CliCommand {
  readonly parameters: Parameters;
  /** Shown under `--help`, without the leading `witnessops`. */
  readonly example: string;
  run(given: Readonly<Record<string, unknown>>, context: Context): Promise<Result>;
}

/** Declares a command whose `run` gets its parameters typed. */
export function defineCommand<const P extends Parameters>(spec: {
  readonly parameters: P;
  readonly example: string;
  run(given: Given<P>, context: Context): Promise<Result>;
}): CliCommand {
  return {
    parameters: spec.parameters,
    example: spec.example,
    run: (given, context) => spec.run(given as Given<P>, context),
  };
}
