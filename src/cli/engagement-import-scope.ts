import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { parseEngagement } from "../contract/parse-engagement.ts";
import { CliError, usage } from "./cli-error.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";
import { readTextInput } from "./read-input.ts";
import { readScopeLines } from "./scope-lines.ts";
import { replaceFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    file: argument("targets, one a line, `!target` is out of scope; `-` is standard input"),
    grantedBy: option("--granted-by <text>", "who authorized the targets; without it they are in scope only"),
  },
  example: "engagement import-scope acme scope.txt --granted-by 'Acme, letter of 1 March'",
  async run({ id, file, grantedBy }, context) {
    const definitions = definitionsOf(context);
    const engagement = definitions.engagement(id);
    const lines = readScopeLines(readTextInput(file));
    if (lines.faults.length > 0) {
      const faults = lines.faults.map((fault) => `${file}: ${fault}`);
      throw new CliError({
        code: "INPUT_MALFORMED",
        message: faults.pop() ?? "",
        faults,
        hint: "nothing was imported; a line is a name, an address, a block, a URL or `kind:value`",
      });
    }
    const include = lines.include.filter((pattern) => !engagement.scope.include.includes(pattern));
    const exclude = lines.exclude.filter((pattern) => !(engagement.scope.exclude ?? []).includes(pattern));
    if (lines.include.length + lines.exclude.length === 0)
      throw usage(`\`${file}\` names no target`, "write one target a line");
    const path = definitions.engagementFile(id);
    const text = extend(readFileSync(path, "utf8"), engagement.authorizations.length, {
      include,
      exclude,
      ...(grantedBy === undefined ? {} : { grantedBy, targets: lines.include }),
    });
    parseEngagement(text, { file: path });
    replaceFile(path, text);
    return {
      exit: exit.done,
      json: { engagement: engagement.id, include, exclude, authorized: grantedBy !== undefined },
      print(out) {
        out.line(`new in scope: ${include.length}, new out of it: ${exclude.length}`);
        if (grantedBy === undefined) out.line("no authorization was added: see `authorizations` in the file");
        out.line(`raise the version in ${path}, then`);
        out.line(`  witnessops engagement authorize ${engagement.id} --key <owner key file>`);
      },
    };
  },
});

/** Adds to the lists of the YAML text; everything else, comments included, stays as it was. */
function extend(
  text: string,
  authorizations: number,
  added: {
    include: readonly string[];
    exclude: readonly string[];
    grantedBy?: string;
    targets?: readonly string[];
  },
): string {
  const document = parseDocument(text, { version: "1.2", schema: "core" });
  const append = (path: readonly string[], values: readonly unknown[]): void => {
    if (values.length === 0) return;
    if (!document.hasIn(path)) document.setIn(path, document.createNode([]));
    for (const value of values) document.addIn(path, document.createNode(value));
  };
  append(["scope", "include"], added.include);
  append(["scope", "exclude"], added.exclude);
  if (added.targets !== undefined && added.targets.length > 0) {
    const id = `import-${authorizations + 1}`;
    append(
      ["authorizations"],
      [{ id, kind: "owner-record", grantedBy: added.grantedBy, targets: added.targets }],
    );
  }
  return document.toString({ lineWidth: 0 });
}
