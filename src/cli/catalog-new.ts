import { existsSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Authored, draftContract } from "../contract/authoring/draft-contract.ts";
import type { Skeleton } from "../contract/authoring/skeleton.ts";
import { skeletons } from "../contract/authoring/skeletons.ts";
import { findingList } from "../contract/finding.ts";
import { schemaHeader } from "../contract/schemas.ts";
import { lintUndecided } from "../contract/undecided.ts";
import { effects, idempotencies } from "../contract/vocabulary.ts";
import { peek } from "../store/document-files.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { type Ask, terminal } from "./ask.ts";
import { choice } from "./choice.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";
import { writeNewFile } from "./write-file.ts";

const APPROVALS = ["none", "self", "designated"] as const;
const ADAPTERS = Object.keys(skeletons);

export const command = defineCommand({
  parameters: {
    id: argument("id of the contract, `<system>.<name>`"),
    adapter: option("--adapter <id>", `what speaks to the system: ${ADAPTERS.join(", ")}`),
    title: option("--title <text>", "what it does, in a few words"),
    purpose: option("--purpose <text>", "what it is for"),
    system: option("--system <name>", "the external system, such as PostgreSQL"),
    docUrl: option("--doc-url <url>", "where the vendor documents the call, https"),
    effect: option("--effect <effect>", `${effects.join(", ")}; left open, it counts as destructive`),
    idempotency: option("--idempotency <word>", idempotencies.join(", ")),
    approval: option("--approval <rule>", `${APPROVALS.join(", ")} (default: designated)`),
    call: option(
      "--call <text>",
      "what makes it this call: http a path, exec and ssh a program, sql a statement, ldap a filter, manual a task",
    ),
    about: option("--about <kind=expression>", "what the call is about, such as `host=inputs.host`"),
    never: option("--never <text>", "what it must never be used for"),
    attests: option("--attests <text>", "what a valid proof says"),
    doesNotAttest: option("--does-not-attest <text>", "what it does not say"),
  },
  example: "catalog new vault.health --adapter http --call /v1/sys/health --effect read",
  async run(given, context) {
    const { id } = given;
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*([.][a-z0-9]+(-[a-z0-9]+)*)+$/.test(id) || id.length > 100)
      throw usage(
        `\`${id}\` is no id of a contract`,
        "small letters, digits and `-`, `<system>.<name>`, such as `vault.health`",
      );
    const definitions = definitionsOf(context);
    const [system = "", ...name] = id.split(".");
    const file = join("catalog", system, `${name.join(".")}.yaml`);
    refuseTaken(definitions, id, file);
    check(given);
    const person = terminal();
    const authored = await complete(given, person?.ask).finally(() => person?.close());
    const draft = draftContract(authored, skeletonOf(authored.adapter));
    const open = findingList();
    lintUndecided(draft, open);
    const header = schemaHeader("contract", "../../schemas");
    writeNewFile(join(definitions.root, file), `${header}\n${stringify(draft, { lineWidth: 0 })}`);
    const undecided = open.all.map(({ path, message }) => ({
      path,
      what: message.replace(/^is not decided: /, ""),
    }));
    return {
      exit: exit.done,
      json: { file, contract: draft, undecided },
      print(out) {
        out.line(`${file} is written. ${undecided.length === 0 ? "Read it, then" : "Still to decide:"}`);
        out.table(
          [],
          undecided.map(({ path, what }) => [path, what]),
          "  ",
        );
        out.line(`  witnessops catalog lint ${file}`);
      },
    };
  },
});

/** Neither a file nor an id of the catalog is ever taken over. */
function refuseTaken(definitions: WorkspaceDefinitions, id: string, file: string): void {
  const known = [...definitions.catalogFiles(), ...definitions.draftFiles()].find(
    (one) => peek(join(definitions.root, one)).id === id,
  );
  if (known !== undefined || existsSync(join(definitions.root, file)))
    throw refused(
      `\`${known ?? file}\` is there already`,
      known === undefined ? "choose another id" : "edit it and raise its version, or choose another id",
    );
}

type Given = Partial<Record<keyof Authored, string | undefined>> & { readonly id: string };

/** @throws CliError `USAGE` for a word that is none of a closed set. */
function check({ adapter, effect, idempotency, approval, about, docUrl }: Given): void {
  if (adapter !== undefined) skeletonOf(adapter);
  if (effect !== undefined) choice("--effect", effect, effects);
  if (idempotency !== undefined) choice("--idempotency", idempotency, idempotencies);
  if (approval !== undefined) choice("--approval", approval, APPROVALS);
  if (about !== undefined && !ABOUT.test(about))
    throw usage(`\`${about}\` does not say what the call is about`, "such as `host=inputs.host`");
  if (docUrl !== undefined && !/^https:\/\/\S+$/.test(docUrl))
    throw usage(`\`${docUrl}\` is no https URL`, "name the vendor's page about the call");
}

const ABOUT = /^[a-z][a-z0-9-]*=.+$/;

function skeletonOf(adapter: string): Skeleton {
  if (adapter === "openapi" || adapter.startsWith("mcp"))
    throw usage(
      `a contract of \`${adapter}\` is drafted from the vendor's description`,
      `witnessops catalog import ${adapter === "openapi" ? "openapi" : "mcp"} <file>`,
    );
  const found = skeletons[choice("--adapter", adapter, ADAPTERS)];
  if (found === undefined) throw new TypeError(`no skeleton of ${adapter}`);
  return found;
}

/** Asks for what was not given, where somebody can be asked; an empty answer leaves it to be decided. */
async function complete(given: Given, ask: Ask | undefined): Promise<Authored> {
  const adapter = given.adapter ?? (ask === undefined ? undefined : await oneOf(ask, "adapter", ADAPTERS));
  if (adapter === undefined || adapter === "")
    throw usage("`--adapter` is missing", `one of ${ADAPTERS.join(", ")}`);
  const answers: Record<string, string> = {};
  for (const { name, question, words } of ask === undefined ? [] : questionsOf(adapter)) {
    if (given[name] !== undefined || ask === undefined) continue;
    const answer = words === undefined ? await ask(`${question}: `) : await oneOf(ask, question, words);
    if (answer !== "") answers[name] = answer;
  }
  const authored = { ...given, ...answers, adapter };
  check(authored);
  return authored;
}

/** Asks again until the answer is one of the words, or empty. */
async function oneOf(ask: Ask, question: string, words: readonly string[]): Promise<string> {
  for (;;) {
    const answer = await ask(`${question} (${words.join(", ")}): `);
    if (answer === "" || words.includes(answer)) return answer;
  }
}

function questionsOf(adapter: string): readonly {
  readonly name: keyof Authored;
  readonly question: string;
  readonly words?: readonly string[];
}[] {
  return [
    { name: "title", question: "what it does, in a few words" },
    { name: "purpose", question: "what it is for" },
    { name: "system", question: "the external system" },
    { name: "docUrl", question: "where the vendor documents it, https" },
    { name: "call", question: skeletonOf(adapter).call },
    { name: "about", question: "what the call is about, such as host=inputs.host" },
    { name: "effect", question: "effect", words: effects },
    { name: "idempotency", question: "idempotency", words: idempotencies },
    { name: "approval", question: "approval, designated unless said", words: APPROVALS },
    { name: "never", question: "what it must never be used for" },
    { name: "attests", question: "what a valid proof says" },
    { name: "doesNotAttest", question: "what it does not say" },
  ];
}
