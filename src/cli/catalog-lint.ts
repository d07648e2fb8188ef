import { resolve } from "node:path";
import { adapters } from "../adapters/all.ts";
import { lintContract } from "../contract/lint-contract.ts";
import { parseContract } from "../contract/parse-contract.ts";
import { defineCommand, restArguments } from "./command.ts";
import { exitOfLint, lintFile, printLint } from "./lint-report.ts";
import { definitionsOf } from "./open-definitions.ts";

export const command = defineCommand({
  parameters: { files: restArguments("files of contracts (default: the whole catalog, its drafts too)") },
  example: "catalog lint catalog/tls/inspect.yaml",
  async run({ files }, context) {
    const paths =
      files.length > 0
        ? files.map((file) => ({ file, path: resolve(file) }))
        : catalogOf(definitionsOf(context));
    const ids = adapters.map(({ id }) => id);
    const lines = paths.flatMap(({ file, path }) =>
      lintFile(file, path, (text) => lintContract(parseContract(text, { file }), { adapters: ids })),
    );
    return {
      exit: exitOfLint(lines),
      json: { files: paths.length, findings: lines },
      print: (out) => printLint(out, lines, paths.length, "contract"),
    };
  },
});

function catalogOf(definitions: {
  root: string;
  catalogFiles(): string[];
  draftFiles(): string[];
}): { file: string; path: string }[] {
  const files = [...definitions.catalogFiles(), ...definitions.draftFiles()];
  return files.map((file) => ({ file, path: resolve(definitions.root, file) }));
}
