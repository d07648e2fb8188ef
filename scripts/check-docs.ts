// Runs the documentation. In README.md and docs/**/*.md, in order, and each page in one fresh folder:
//   ```sh run          is executed by sh, and must succeed (```sh run exit=3: must end with 3)
//   ```text output     right after it is what it prints; … stands for anything
//   ```yaml file=path  is written to that path
// Pages do not see one another and run beside one another, one for each core.
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join, resolve, sep } from "node:path";

interface Block {
  line: number;
  words: string[];
  text: string;
}

const root = join(import.meta.dirname, "..");
const only = process.argv.slice(2);
const pages = only.length > 0 ? only : ["README.md", ...globSync("docs/**/*.md", { cwd: root }).sort()];
let executed = 0;
let failures = 0;

const waiting = pages.map((path) => path.replaceAll("\\", "/"));
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
      if (existsSync(join(root, page))) await checkPage(page);
      else report(page, 1, "the page is missing");
    }
  }),
);

if (failures === 0 && executed === 0) {
  console.error("error: no page has a snippet to run");
  process.exitCode = 1;
} else if (failures > 0) process.exitCode = 1;
else console.log(`${executed} snippets of the documentation ran as written`);

async function checkPage(page: string): Promise<void> {
  const blocks = fencedBlocks(page);
  const folder = mkdtempSync(join(tmpdir(), "witnessops-docs-"));
  const home = mkdtempSync(join(tmpdir(), "witnessops-home-"));
  try {
    let stdout: string | undefined;
    for (const block of blocks) {
      const [language, ...words] = block.words;
      const file = words.find((word) => word.startsWith("file="))?.slice("file=".length);
      if (language === "text" && words[0] === "output") {
        if (stdout === undefined) report(page, block.line, "an output block must follow a run block");
        else if (!matches(stdout, block.text)) {
          report(page, block.line, "the output differs", { expected: block.text, printed: stdout });
        }
      } else if (file !== undefined) writeBlock(page, block, resolve(folder, file), folder);
      stdout = undefined;
      if (language !== "sh" || words[0] !== "run") continue;
      const wanted = Number(words.find((word) => word.startsWith("exit="))?.slice("exit=".length) ?? 0);
      const result = await runShell(block.text, folder, home);
      executed++;
      stdout = result.stdout;
      if (result.status === wanted) continue;
      report(page, block.line, `the snippet ended with ${result.status}, not ${wanted}`, result);
      break; // what follows builds on it
    }
  } finally {
    for (const path of [folder, home]) rmSync(path, { recursive: true, force: true });
  }
}

interface Ended {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Gives a shell the text; resolves when it has ended, at the latest after two minutes. */
function runShell(text: string, cwd: string, home: string): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn("sh", ["-eu"], {
      cwd,
      timeout: 120_000,
      env: {
        PATH: `${root}${delimiter}${process.env.PATH}`,
        HOME: home,
        TMPDIR: tmpdir(),
        LANG: "C.UTF-8",
      },
    });
    const out = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (more: string) => {
        out[name] += more;
      });
    child.on("error", fail);
    child.on("close", (status, signal) => done({ status: status ?? signal ?? "a signal", ...out }));
    child.stdin.on("error", () => {}).end(text);
  });
}

function fencedBlocks(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; indent: number; block: Block } | undefined;
  for (const [index, line] of readFileSync(join(root, page), "utf8").split("\n").entries()) {
    const [, indent = "", fence = "", info = ""] = /^(\s*)(`{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      const block = { line: index + 1, words: info.trim().split(/\s+/), text: "" };
      if (fence !== "") open = { fence, indent: indent.length, block };
    } else if (fence.length >= open.fence.length && info.trim() === "") {
      blocks.push(open.block);
      open = undefined;
    } else open.block.text += `${line.slice(Math.min(open.indent, line.search(/\S|$/)))}\n`;
  }
  if (open !== undefined) report(page, open.block.line, "the fence is not closed");
  return blocks;
}

function writeBlock(page: string, block: Block, target: string, folder: string): void {
  if (target.startsWith(folder + sep)) {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, block.text);
  } else report(page, block.line, "the file lies outside the page's folder");
}

function matches(printed: string, expected: string): boolean {
  const tidy = (text: string) => text.replace(/[ \t]+$/gm, "").trim();
  const pattern = tidy(expected).split("…").map(RegExp.escape).join("[^]*?");
  return new RegExp(`^${pattern}$`).test(tidy(printed));
}

function report(page: string, line: number, message: string, details: object = {}): void {
  failures++;
  console.error(`error: ${page}:${line}: ${message}`);
  for (const name of ["expected", "printed", "stdout", "stderr"]) {
    const text: unknown = Reflect.get(details, name);
    if (typeof text === "string" && text !== "")
      console.error(`${name}:\n${text.replace(/^/gm, "  ").trimEnd()}`);
  }
}
