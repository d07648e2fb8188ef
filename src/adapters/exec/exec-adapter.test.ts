import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type CallOptions,
  faultOfRun,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { checkSchema } from "../../contract/check-schema.ts";
import type { JsonObject } from "../../format/json.ts";
import { exec } from "./exec-adapter.ts";

let root: string;
const hostPath = process.env.PATH;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "witnessops-test-"));
  mkdirSync(join(root, "tools"));
  writeFileSync(join(root, "tools/hello.sh"), "echo hello\n");
  symlinkSync("/etc/passwd", join(root, "tools/outside"));
});
afterEach(() => {
  process.env.PATH = hostPath;
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** Runs a script with `sh -c`: the adapter itself has no shell. */
function sh(script: string, more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  const asked = { command: "sh", args: ["-c", script], ...more };
  return runAdapter(exec, { with: asked, root, artifacts: ["stdout", "stderr"], ...options });
}

/** Whether a process runs; one that waits to be collected does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return Reflect.get(error as object, "code") === "ENOENT" && process.platform !== "linux";
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && runs(pid); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  return !runs(pid);
}

const pidIn = (run: { artifacts: ReadonlyMap<string, Buffer> }) =>
  Number(String(run.artifacts.get("stdout")).trim());

describe("exec", () => {
  it("records binary, arguments, exact output and end", async () => {
    const run = await sh("printf 'a\\0b\\377'; echo oops >&2", { parse: "none" });
    const result = resultOf(run);
    const { path, sha256 } = result.binary as { path: string; sha256: string };
    expect(path).toBe(realpathSync(path));
    expect(sha256).toBe(`sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`);
    expect(result).toMatchObject({
      argv: ["sh", "-c", "printf 'a\\0b\\377'; echo oops >&2"],
      exitCode: 0,
      signal: null,
      stdout: { size: 4 },
      stderr: { size: 5, text: "oops\n" },
    });
    expect(run.artifacts.get("stdout")).toEqual(Buffer.from([0x61, 0, 0x62, 0xff]));
    expect(run.artifacts.get("stderr")).toEqual(Buffer.from("oops\n"));
  });

  it("passes arguments as they are, never to a shell", async () => {
    const args = ["%s\\n", "$(id)", "; rm -rf /", "a  b", "*"];
    const run = await runAdapter(exec, {
      with: { command: "printf", args, parse: "lines" },
      root,
      artifacts: [],
    });
    expect(resultOf(run).stdout).toMatchObject({ lines: args.slice(1) });
  });

  it.each(["/bin/sh", "../sh", "sh -c", "", "-sh", "a;b"])("takes no command `%s`", (command) => {
    expect(checkSchema(exec.parameters, { command, args: [] })).not.toEqual([]);
  });

  it("parses output as declared", async () => {
    expect(resultOf(await sh("printf 'a\\r\\nb\\n'", { parse: "lines" })).stdout).toMatchObject({
      lines: ["a", "b"],
    });
    expect(resultOf(await sh("printf x", { parse: "text" })).stdout).toMatchObject({ text: "x" });
    expect(resultOf(await sh("echo '{\"a\":[1]}'", { parse: "json" })).stdout).toMatchObject({
      json: { a: [1] },
    });
    const bad = await sh("echo no json", { parse: "json" });
    expect(faultOfRun(bad)).toMatchObject({ code: "OUTPUT_UNREADABLE", phase: "parse" });
    expect(String(bad.artifacts.get("stdout"))).toBe("no json\n");
    expect(faultOfRun(await sh("printf '\\377'", { parse: "text" })).phase).toBe("parse");
  });

  it("gives the tool an environment of its own", async () => {
    process.env.WITNESSOPS_TEST_HOST = "host";
    const show = { command: "env", args: [], parse: "lines", env: { MINE: "1" } };
    const secrets = [{ name: "t", value: "s3cr3t-token", into: { kind: "env", name: "TOKEN" } }] as const;
    const lines = async (more: JsonObject) => {
      const run = await runAdapter(exec, { with: { ...show, ...more }, root, secrets });
      return (resultOf(run).stdout as { lines: string[] }).lines.map((line) => line.split("=", 1)[0]);
    };
    const usual = await lines({});
    expect(usual).toEqual(expect.arrayContaining(["PATH", "MINE", "TOKEN"]));
    expect(usual.filter((name) => !["PATH", "LANG", "TZ", "MINE", "TOKEN"].includes(name ?? ""))).toEqual([]);
    expect(await lines({ passEnv: ["WITNESSOPS_TEST_HOST"] })).toContain("WITNESSOPS_TEST_HOST");
    delete process.env.WITNESSOPS_TEST_HOST;
    for (const name of ["LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV"]) {
      expect(faultOfRun(await sh("true", { env: { [name]: "x" } })).code).toBe("ENVIRONMENT_REFUSED");
    }
  });

  it("runs in an empty folder that is removed, or in the workspace", async () => {
    const empty = resultOf(await sh("pwd; ls -A", { parse: "lines" })).stdout as { lines: string[] };
    expect(empty.lines).toHaveLength(1);
    expect(() => realpathSync(empty.lines[0] ?? "")).toThrow("ENOENT");
    const inside = resultOf(await sh("ls", { parse: "lines", cwd: "workspace" })).stdout;
    expect(inside).toMatchObject({ lines: ["tools"] });
    expect(faultOfRun(await sh("ls", { cwd: "workspace" }, { root: join(root, "missing") }))).toMatchObject({
      code: "ENOENT",
    });
  });

  it("hashes the files that a tool reads, inside the workspace only", async () => {
    const asked = { command: "sh", args: ["tools/hello.sh"], files: ["tools/hello.sh"], parse: "text" };
    const result = resultOf(await runAdapter(exec, { with: asked, root }));
    expect(result.stdout).toMatchObject({ text: "hello\n" });
    const sha256 = `sha256:${createHash("sha256").update("echo hello\n").digest("hex")}`;
    expect(result.files).toEqual([{ path: "tools/hello.sh", sha256 }]);
    for (const path of ["../x", "/etc/passwd", "tools/outside", "tools/missing", "tools"]) {
      const run = await runAdapter(exec, { with: { ...asked, files: [path] }, root });
      expect(faultOfRun(run)).toMatchObject({ code: "NOT_FOUND", phase: "spawn" });
    }
  });

  it("records the version that the tool prints", async () => {
    const asked = {
      command: "sh",
      args: ["-c", "true"],
      versionArgs: ["-c", "echo; echo 'tool 1.2'; echo more"],
    };
    expect(resultOf(await runAdapter(exec, { with: asked, root })).binary).toMatchObject({
      version: "tool 1.2",
    });
    const endless = { ...asked, versionArgs: ["-c", "yes"] };
    expect(resultOf(await runAdapter(exec, { with: endless, root })).binary).toHaveProperty("version", "y");
  });

  it("finds programs only where not everybody may put them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-bin-"));
    writeFileSync(join(folder, "planted"), "#!/bin/sh\necho planted\n", { mode: 0o755 });
    const run = () => runAdapter(exec, { with: { command: "planted", args: [], parse: "text" }, root });
    process.env.PATH = `${folder}:${hostPath}`;
    expect(resultOf(await run()).stdout).toMatchObject({ text: "planted\n" });
    chmodSync(folder, 0o777);
    expect(faultOfRun(await run())).toMatchObject({ code: "NOT_FOUND", phase: "spawn" });
    rmSync(folder, { recursive: true });
    writeFileSync(join(root, "tools/planted"), "#!/bin/sh\n", { mode: 0o755 });
    process.env.PATH = `${root}/tools:.:${hostPath}`;
    expect(faultOfRun(await run()).code).toBe("NOT_FOUND");
    rmSync(join(root, "tools/planted"));
  });

  it("says that a program is missing or does not start", async () => {
    const missing = await runAdapter(exec, { with: { command: "no-such-program", args: [] }, root });
    expect(faultOfRun(missing)).toMatchObject({ code: "NOT_FOUND", phase: "spawn" });
    const folder = mkdtempSync(join(tmpdir(), "witnessops-bin-"));
    writeFileSync(join(folder, "nothing"), "#!/no/such/interpreter\n", { mode: 0o755 });
    process.env.PATH = folder;
    const broken = await runAdapter(exec, {
      with: { command: "nothing", args: [] },
      root,
      artifacts: ["stdout"],
    });
    expect(faultOfRun(broken)).toMatchObject({ code: "ENOENT", phase: "spawn" });
    rmSync(folder, { recursive: true });
  });

  it("takes unexpected ends for faults, with the output as evidence", async () => {
    const run = await sh("echo partial; exit 3");
    expect(faultOfRun(run)).toMatchObject({
      code: "EXIT_STATUS",
      phase: "exit",
      facts: { exitCode: 3, signal: null },
    });
    expect(String(run.artifacts.get("stdout"))).toBe("partial\n");
    expect(resultOf(await sh("exit 3", { expectExit: [0, 3] }))).toMatchObject({ exitCode: 3 });
    expect(faultOfRun(await sh("kill -SEGV $$"))).toMatchObject({
      code: "SIGNAL",
      facts: { signal: "SIGSEGV" },
    });
  });

  it("ends a tool that ignores SIGTERM, with its children", async () => {
    const started = performance.now();
    const run = await sh("trap '' TERM; sleep 60 & echo $!; wait; sleep 60", {}, { timeoutMs: 200 });
    expect(faultOfRun(run)).toMatchObject({ code: "TIMEOUT", phase: "run" });
    expect(performance.now() - started).toBeLessThan(1500);
    expect(await gone(pidIn(run))).toBe(true);
  });

  it("lets a tool that obeys SIGTERM say its last words", async () => {
    const run = await sh("trap 'echo bye; exit 0' TERM; sleep 60 & wait", {}, { timeoutMs: 200 });
    expect(faultOfRun(run).code).toBe("TIMEOUT");
    expect(String(run.artifacts.get("stdout"))).toBe("bye\n");
  });

  it("does not wait for children that a tool leaves behind, and ends them", async () => {
    const started = performance.now();
    const run = await sh("sleep 60 & echo $!");
    expect(resultOf(run)).toMatchObject({ exitCode: 0 });
    expect(performance.now() - started).toBeLessThan(1500);
    expect(await gone(pidIn(run))).toBe(true);
  });

  it("does not wait for a pipe that a process of another group holds open", async () => {
    const started = performance.now();
    const run = await sh("command -v setsid >/dev/null && setsid sleep 5 & sleep 0.2; echo done");
    expect(resultOf(run)).toMatchObject({ exitCode: 0, stdout: { size: 5 } });
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it("keeps all of a large output, and stops one without end on either stream", async () => {
    const large = await sh("head -c 3000000 /dev/zero", {}, { maxBytes: 4_000_000, timeoutMs: 10_000 });
    expect(resultOf(large).stdout).toMatchObject({ size: 3_000_000 });
    expect(large.artifacts.get("stdout")?.length).toBe(3_000_000);
    for (const script of ["yes", "yes >&2"]) {
      const started = performance.now();
      const run = await sh(script, {}, { timeoutMs: 10_000 });
      expect(faultOfRun(run).code).toBe("SIZE_EXCEEDED");
      expect(performance.now() - started).toBeLessThan(5000);
    }
  });

  it("gives the tool its standard input, or none", async () => {
    expect(resultOf(await sh("cat", { stdin: "typed", parse: "text" })).stdout).toMatchObject({
      text: "typed",
    });
    expect(resultOf(await sh("cat", { parse: "text" })).stdout).toMatchObject({ text: "" });
    expect(resultOf(await sh("true", { stdin: "x".repeat(900_000) }))).toMatchObject({ exitCode: 0 });
  });

  const marker = `witnessops-conformance-${process.pid}`;
  const scenario = (script: string) => async () => ({
    with: { command: "sh", args: ["-c", script, marker] },
    network: testNetwork({}),
    root,
    leftovers: () => processesNamed(marker),
  });
  for (const { name, run } of adapterCases({
    adapter: exec,
    artifacts: ["stdout", "stderr"],
    openCapture: memoryCapture,
    good: scenario("echo hello; echo $TOKEN >/dev/null"),
    silent: scenario("sleep 60; true"),
    endless: scenario("yes; true"),
    secretInto: { kind: "env", name: "TOKEN" },
  })) {
    it(name, run);
  }
});

/** How many processes have the marker in their arguments (Linux; elsewhere 0). */
async function processesNamed(marker: string): Promise<number> {
  const { readdir, readFile } = await import("node:fs/promises");
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.split("\0").includes(marker)).length;
}
