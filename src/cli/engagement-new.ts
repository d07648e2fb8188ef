import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseEngagement } from "../contract/parse-engagement.ts";
import { classifications, environments } from "../contract/vocabulary.ts";
import { choice } from "./choice.ts";
import { CliError, refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, repeatedOption } from "./command.ts";
import { engagementText } from "./engagement-template.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";
import { readScopeLines } from "./scope-lines.ts";
import { writeNewFile } from "./write-file.ts";

const DAY = 86_400_000;

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    include: repeatedOption("--include <target>", "in scope: a name, address, block, URL or `kind:value`"),
    exclude: repeatedOption("--exclude <target>", "out of scope; always wins"),
    title: option("--title <text>", "title (default: the id)"),
    objective: option("--objective <text>", "why the work is done"),
    environment: option("--environment <environment>", "production (default) or lab"),
    classification: option(
      "--classification <word>",
      "public, internal (default), confidential or restricted",
    ),
    owner: option("--owner <id>", "owner (default: the workspace's)"),
    operator: repeatedOption("--operator <id>", "who may run (default: the owner)"),
    approver: repeatedOption("--approver <id>", "who may approve"),
    recipient: repeatedOption("--recipient <age1…>", "who can open secret evidence"),
    days: option("--days <n>", "length of the window from now (default: 30)"),
  },
  example: "engagement new acme --include example.com --operator ana --approver ben",
  async run(given, context) {
    const definitions = definitionsOf(context);
    const scope = readScopeLines(
      [...given.include, ...given.exclude.map((target) => `!${target}`)].join("\n"),
    );
    if (scope.faults.length > 0) {
      throw new CliError({
        code: "USAGE",
        faults: scope.faults.slice(1).map(withoutLine),
        message: withoutLine(scope.faults[0] ?? ""),
        hint: "write a name, an address, a block, a URL or `kind:value`",
      });
    }
    if (scope.include.length === 0)
      throw usage("an engagement needs a target", "add `--include example.com`");
    const days = Number(given.days ?? 30);
    if (!Number.isInteger(days) || days < 1 || days > 3650)
      throw usage(`\`${given.days}\` is no number of days`, "give a whole number from 1 to 3650");
    const owner = given.owner ?? definitions.workspace().owner;
    const now = Math.floor(Date.now() / 1000) * 1000;
    const text = engagementText({
      id: given.id,
      title: given.title ?? given.id,
      objective: given.objective ?? `Assess the targets of ${given.id}`,
      owner,
      operators: given.operator.length === 0 ? [owner] : given.operator,
      approvers: given.approver,
      classification: choice("--classification", given.classification ?? "internal", classifications),
      environment: choice("--environment", given.environment ?? "production", environments),
      include: scope.include,
      exclude: scope.exclude,
      recipients: given.recipient,
      notBefore: utcSeconds(now),
      notAfter: utcSeconds(now + days * DAY),
    });
    const file = join("engagements", `${given.id}.yaml`);
    const engagement = parseEngagement(text, { file });
    const path = join(definitions.root, file);
    if (existsSync(path)) {
      throw refused(
        `there is already an engagement \`${given.id}\``,
        `edit \`${file}\`: raise its version, then authorize it again`,
      );
    }
    writeNewFile(path, text);
    return {
      exit: exit.done,
      json: { file, engagement },
      print(out) {
        out.line(`${file} is written: read it, edit it, then`);
        out.line(`  witnessops engagement authorize ${given.id} --key <owner key file>`);
      },
    };
  },
});

function utcSeconds(millis: number): string {
  return new Date(millis).toISOString().replace(".000Z", "Z");
}

function withoutLine(fault: string): string {
  return fault.replace(/^line \d+: /, "");
}
