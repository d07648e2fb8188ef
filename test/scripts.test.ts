// Runs test/scripts/*.txt: command lines with what they must print and how they must end. One command a line, words
// in single quotes stand as they are, `$NAME` is replaced. The script's folder is `$WORK`; `-- name --` at its end
// begins the content of a file there.
//
//   witnessops …             the built command; must end with 0      ! witnessops …   must not
//   exit 2                   the status of the last command           capture NAME 'regex (group)'  from its stdout
//   stdout 'regex'           its output matches                       ! stdout 'regex'   does not
//   stderr 'regex'           likewise                                 stdin file   input of the next command
//   exists path, ! exists path, cmp a b, cd dir, chmod 600 path, cp a b, rm path, env NAME=value
//   replace path 'old' 'new' the text occurs and is replaced          exec program …   must end with 0
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { needProgram } from "../scripts/need-program.ts";

vi.setConfig({ maxConcurrency: 2, testTimeout: 240_000 });

const root = join(import.meta.dirname, "..");
// What a script of that name needs beside the project.
const programs: Record<string, readonly [program: string, debianPackage: string]> = {
  "catalog-new-terminal.txt": ["script", "bsdutils"],
  "ssh-approvals.txt": ["ssh-keygen", "openssh-client"],
  "keys-elsewhere.txt": ["openssl", "openssl"],
  "sealed-evidence.txt": ["age-keygen", "age"],
};
const scripts = readdirSync(join(import.meta.dirname, "scripts")).filter((name) => name.endsWith(".txt"));

// What is published, with the packages beside it that a user may add; the pages of the documentation run the sources.
const beside = join(root, "node_modules/.cache");
mkdirSync(beside, { recursive: true });
const dist = mkdtempSync(join(beside, "witnessops-built-"));
beforeAll(() => {
  const build = join(root, "scripts/build.ts");
  execFileSync(process.execPath, [build, dist], { stdio: ["ignore", "ignore", "inherit"] });
}, 120_000);
afterAll(() => rmSync(dist, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe.concurrent("scripts", () => {
  it.concurrent.each(scripts)("%s", async (name) => {
    const needed = programs[name];
    const missing = needed && needProgram(...needed);
    if (missing !== undefined) return console.log(missing);
    const work = mkdtempSync(join(tmpdir(), "witnessops-script-"));
    try {
      await runScript(readFileSync(join(import.meta.dirname, "scripts", name), "utf8"), work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});

async function runScript(text: string, work: string): Promise<void> {
  const [lines = "", ...files] = text.split(/^-- (.+) --\n/m);
  const variables: Record<string, string> = { WORK: work, ROOT: root, NODE: process.execPath };
  const expand = (word: string, quote = (text: string) => text): string =>
    word.replace(/\$([A-Z]+)/g, (all, name) => quote(variables[name] ?? all));
  for (let index = 0; index + 1 < files.length; index += 2) {
    const path = join(work, files[index] as string);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, expand(files[index + 1] as string));
  }
  const environment: Record<string, string | undefined> = {
    NODE_COMPILE_CACHE: join(dist, "cache"),
    ...process.env,
    NO_COLOR: "1",
    HOME: work,
  };
  let folder = work;
  let stdin = "";
  let last: Ended = { status: 0, stdout: "", stderr: "" };
  const at = (word: string | undefined): string => resolve(folder, expand(word ?? ""));

  for (const [index, line] of lines.split("\n").entries()) {
    const words = wordsOf(line);
    const negated = words[0] === "!";
    const [verb = "", ...rest] = negated ? words.slice(1) : words;
    const told = `line ${index + 1}: ${line}\nstatus ${last.status}\nstdout:\n${last.stdout}\nstderr:\n${last.stderr}`;
    switch (verb) {
      case "":
        break;
      case "witnessops":
      case "exec": {
        const built = [process.execPath, join(dist, "witnessops.mjs")];
        const [program = "", ...args] = [
          ...(verb === "exec" ? [] : built),
          ...rest.map((word) => expand(word)),
        ];
        last = await run(program, args, folder, environment, stdin);
        stdin = "";
        const after = `line ${index + 1}: ${line}\nstdout:\n${last.stdout}\nstderr:\n${last.stderr}`;
        if (negated) expect(last.status, after).not.toBe(0);
        else expect(last.status, after).toBe(0);
        expect(last.stderr, after).not.toMatch(/^\s+at .+:\d+|internal fault/m);
        break;
      }
      case "exit":
        expect(last.status, told).toBe(Number(rest[0]));
        break;
      case "stdout":
      case "stderr": {
        const pattern = new RegExp(expand(rest[0] ?? "", RegExp.escape), "m");
        if (negated) expect(last[verb], told).not.toMatch(pattern);
        else expect(last[verb], told).toMatch(pattern);
        break;
      }
      case "capture":
        variables[rest[0] ?? ""] = new RegExp(rest[1] ?? "", "m").exec(last.stdout)?.[1] ?? expect.fail(told);
        break;
      case "exists":
        expect(existsSync(at(rest[0])), told).toBe(!negated);
        break;
      case "cmp":
        expect(readFileSync(at(rest[0])).equals(readFileSync(at(rest[1]))), told).toBe(!negated);
        break;
      case "replace": {
        const before = readFileSync(at(rest[0]), "utf8");
        expect(before, told).toContain(rest[1]);
        writeFileSync(
          at(rest[0]),
          before.replace(rest[1] ?? "", () => expand(rest[2] ?? "")),
        );
        break;
      }
      case "cd":
        folder = at(rest[0]);
        break;
      case "chmod":
        chmodSync(at(rest[1]), Number.parseInt(rest[0] ?? "", 8));
        break;
      case "cp":
        cpSync(at(rest[0]), at(rest[1]), { recursive: true });
        break;
      case "rm":
        rmSync(at(rest[0]), { recursive: true });
        break;
      case "stdin":
        stdin = readFileSync(at(rest[0]), "utf8");
        break;
      case "env": {
        const [name = "", value] = (rest[0] ?? "").split(/=(.*)/s);
        environment[name] = expand(value ?? "");
        break;
      }
      default:
        expect.fail(`line ${index + 1}: \`${verb}\` is not a word of these scripts`);
    }
  }
}

/** Words of a line: separated by white space, single quotes keep theirs, `''` inside stands for one quote. */
function wordsOf(line: string): string[] {
  if (line.trimStart().startsWith("#")) return [];
  const found = line.match(/(?:'(?:[^']|'')*'|[^\s'])+/g) ?? [];
  return found.map((word) =>
    word.replace(/'((?:[^']|'')*)'/g, (_all, quoted: string) => quoted.replaceAll("''", "'")),
  );
}

function run(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string | undefined>,
  stdin: string,
): Promise<Ended> {
  return new Promise((done, fail) => {
    const child: ChildProcess = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    const out: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        out[name] += text;
      });
    }
    child.on("error", fail);
    child.on("close", (status) => done({ status, ...out }));
    child.stdin?.on("error", () => {}).end(stdin);
  });
}
