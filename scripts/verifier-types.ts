import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..");
const ENTRY = join(root, "src/verifier/index.ts");
/** Types that are made from schemas of a package: they are written out, since the package is not there. */
const WRITTEN_OUT: Readonly<Record<string, string>> = { "src/contract/trust.ts": "Trust" };

/**
 * Writes the declarations of the verifier's public entry and of what they name, without a dependency.
 *
 * @param folder gets `verifier/index.d.ts` and the files beside it.
 */
export function writeVerifierTypes(folder: string): void {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [ENTRY] }, ts.sys, root);
  const program = ts.createProgram([ENTRY], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    removeComments: false,
  });
  const waiting = [ENTRY];
  const done = new Set<string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (done.has(path)) continue;
    done.add(path);
    const source = program.getSourceFile(path);
    if (source === undefined) throw new Error(`${path} is not part of the verifier`);
    const name = relative(join(root, "src"), path).replaceAll("\\", "/");
    const alias = WRITTEN_OUT[`src/${name}`];
    const text = alias === undefined ? declarationOf(program, source) : writtenOut(program, source, alias);
    const specifiers = /(from |import\()"(\.[^"]+)\.ts"/g;
    for (const [, , specifier = ""] of text.matchAll(specifiers))
      waiting.push(join(dirname(path), `${specifier}.ts`));
    const foreign = /(?:from |import\()"([^."][^"]*)"/.exec(text)?.[1];
    if (foreign !== undefined)
      throw new Error(`the types of the verifier name the package ${foreign} in ${name}`);
    const target = join(folder, name.replace(/\.ts$/, ".d.ts"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text.replaceAll(specifiers, '$1"$2.js"'));
  }
}

function declarationOf(program: ts.Program, source: ts.SourceFile): string {
  let text = "";
  program.emit(
    source,
    (_, content) => {
      text = content;
    },
    undefined,
    true,
  );
  if (text === "") throw new Error(`there is no declaration of ${source.fileName}`);
  return text;
}

function writtenOut(program: ts.Program, source: ts.SourceFile, alias: string): string {
  const declared = source.statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === alias,
  );
  if (declared === undefined) throw new Error(`${source.fileName} has no type ${alias}`);
  const checker = program.getTypeChecker();
  const flags =
    ts.TypeFormatFlags.NoTruncation |
    ts.TypeFormatFlags.InTypeAlias |
    ts.TypeFormatFlags.MultilineObjectLiterals |
    ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;
  const type = checker.typeToString(checker.getTypeAtLocation(declared), undefined, flags);
  return `/** The reviewer's trust file (spec/trust.md). */\nexport type ${alias} = ${type};\n`;
}
