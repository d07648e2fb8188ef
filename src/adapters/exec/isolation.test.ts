import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../../scripts/need-program.ts";
import { type CallOptions, faultOfRun, resultOf, runAdapter } from "../../../test/adapter-call.ts";
import type { JsonObject } from "../../format/json.ts";
import { exec } from "./exec-adapter.ts";

const missing =
  process.platform === "linux"
    ? (needProgram("bwrap", "bubblewrap") ?? needProgram("ip", "iproute2") ?? needProgram("bash", "bash"))
    : "skipped: needs Linux";
const root = mkdtempSync(join(tmpdir(), "witnessops-test-"));
const secret = join(root, "outside.txt");
let inScope: Listener;
let outOfScope: Listener;

interface Listener {
  readonly server: Server;
  readonly port: number;
  readonly received: Buffer[];
  accepted: number;
}

function listen(): Promise<Listener> {
  const received: Buffer[] = [];
  return new Promise((resolve) => {
    const server = createServer((socket: Socket) => {
      listener.accepted += 1;
      socket.on("error", () => undefined);
      socket.on("data", (bytes: Buffer) => {
        received.push(bytes);
        socket.end(`you said ${bytes}`);
      });
    });
    const listener = { server, port: 0, received, accepted: 0 };
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      listener.port = address.port;
      resolve(listener);
    });
  });
}

beforeAll(async () => {
  [inScope, outOfScope] = [await listen(), await listen()];
  writeFileSync(secret, "not for tools\n");
  mkdirSync(join(root, "given"));
  mkdirSync(join(root, ".witnessops"));
  writeFileSync(join(root, ".witnessops/key"), "private\n");
  writeFileSync(join(root, "given/input.txt"), "for the tool\n");
});
afterAll(() => {
  inScope.server.close();
  outOfScope.server.close();
  rmSync(root, { recursive: true });
});

/** Runs a script with bash, whose `/dev/tcp` dials, held by the kernel. */
function bash(script: string, more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  const asked = { command: "bash", args: ["-c", script], parse: "text", ...more };
  const rest = { root, artifacts: ["stdout", "stderr"], isolated: true, timeoutMs: 15_000, ...options };
  return runAdapter(exec, { with: asked, ...rest });
}

const textOf = async (run: ReturnType<typeof bash>) => (resultOf(await run).stdout as { text: string }).text;
const tcp = (host: string, port: number) => ({ host, port, protocol: "tcp" as const });
const exchange = (host: string, port: number) =>
  `exec 3<>/dev/tcp/${host}/${port} || exit 9; printf hello >&3; cat <&3`;

describe.skipIf(missing !== undefined)(
  `exec, isolated${missing === undefined ? "" : ` (${missing})`}`,
  () => {
    it("is offered by this host", async () => {
      expect(await exec.offerIsolation(root)).toEqual({
        held: { network: "namespace", files: "mounts", tool: expect.stringMatching(/^bubblewrap \d/) },
      });
    });

    it("reaches an endpoint in scope through the guard, and nothing else", async () => {
      const endpoints = [tcp("127.0.0.1", inScope.port)];
      const before = inScope.accepted;
      const run = bash(exchange("127.0.0.1", inScope.port), {}, { endpoints });
      expect(await textOf(run)).toBe("you said hello");
      expect((await run).network.dialled).toEqual([`127.0.0.1:${inScope.port}`]);
      expect(inScope.accepted).toBe(before + 1);
      const refused = await bash(exchange("127.0.0.1", outOfScope.port), {}, { endpoints });
      expect(faultOfRun(refused)).toMatchObject({ code: "EXIT_STATUS", facts: { exitCode: 9 } });
      expect(String(refused.artifacts.get("stderr"))).toContain("Connection refused");
      expect(outOfScope.accepted).toBe(0);
    });

    it("proves that the listener out of scope is reachable without isolation", async () => {
      const run = bash(exchange("127.0.0.1", outOfScope.port), {}, { isolated: false });
      expect(await textOf(run)).toBe("you said hello");
      outOfScope.accepted = 0;
    });

    it("resolves the names in scope, and dials them again when the tool does", async () => {
      const endpoints = [tcp("localhost", inScope.port)];
      const twice = [1, 2].map(() => `(${exchange("localhost", inScope.port)})`).join("; ");
      const include = ["cidr:127.0.0.0/8", "cidr:::1/128"];
      expect(await textOf(bash(twice, {}, { endpoints, include }))).toBe("you said helloyou said hello");
      const other = await bash("getent hosts example.com", {}, { endpoints, include });
      expect(faultOfRun(other)).toMatchObject({ code: "EXIT_STATUS", facts: { exitCode: 2 } });
    });

    it("offers an address once that several names stand for", async () => {
      const { port } = inScope;
      const endpoints = [tcp("127.0.0.1", port), tcp("localhost", port), tcp("127.0.0.1", port)];
      const include = ["cidr:127.0.0.0/8", "cidr:::1/128"];
      expect(await textOf(bash(exchange("127.0.0.1", port), {}, { endpoints, include }))).toBe(
        "you said hello",
      );
    });

    it("keeps nothing open when the guard refuses one of many places", async () => {
      const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
      const before = sockets();
      const endpoints = Array.from({ length: 40 }, (_, n) => tcp(`127.0.0.${n + 1}`, inScope.port));
      endpoints.splice(20, 0, tcp("10.9.9.9", inScope.port));
      const run = await bash("echo ran", {}, { endpoints, include: ["cidr:127.0.0.0/8"] });
      expect(faultOfRun(run).code).toBe("EGRESS_REFUSED");
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(sockets()).toBeLessThanOrEqual(before);
    });

    it("finds closed what is closed, and silent what is silent", async () => {
      const free = await listen();
      await new Promise((resolve) => free.server.close(resolve));
      const silent = "192.0.2.77";
      const endpoints = [tcp("127.0.0.1", free.port), tcp(silent, 9)];
      const closed = `(exec 3<>/dev/tcp/127.0.0.1/${free.port}) 2>&1 | grep -o refused | sort -u`;
      const dropped = `timeout 1 bash -c '>/dev/tcp/${silent}/9'; echo $?`;
      const include = ["cidr:127.0.0.0/8", "cidr:192.0.2.0/24"];
      const run = bash(`${closed}; ${dropped}`, {}, { endpoints, include });
      expect(await textOf(run)).toBe("refused\n124\n");
      expect(resultOf(await run).places).toMatchObject([{ state: "refused" }, { state: "silent" }]);
    });

    it("is not started when the guard refuses an endpoint, or there is UDP or no port", async () => {
      const to = async (endpoint: { host: string; port?: number; protocol: "tcp" | "udp" }) =>
        faultOfRun(await bash("echo ran", {}, { endpoints: [endpoint] }));
      expect(await to(tcp("169.254.169.254", 80))).toMatchObject({ code: "EGRESS_REFUSED" });
      expect(await to({ host: "127.0.0.1", port: 53, protocol: "udp" })).toMatchObject({
        code: "PROTOCOL_REFUSED",
      });
      expect(await to({ host: "127.0.0.1", protocol: "tcp" })).toMatchObject({ code: "PORTS_MISSING" });
    });

    it("reads its declared inputs only", async () => {
      const files = { files: ["given/input.txt"], args: ["-c", 'cat "$0"', "given/input.txt"] };
      expect(await textOf(bash("", files))).toBe("for the tool\n");
      for (const path of [secret, join(root, ".witnessops/key"), "/etc/shadow", "/root/.profile"]) {
        const run = await bash(`cat ${path}`);
        expect(faultOfRun(run).code).toBe("EXIT_STATUS");
        expect(String(run.artifacts.get("stderr"))).toContain("No such file");
      }
      const whole = { folders: ["."], cwd: "workspace" };
      expect(await textOf(bash("cat given/input.txt; ls -A .witnessops", whole))).toBe("for the tool\n");
      for (const folder of ["..", ".witnessops", "/etc", "missing"]) {
        expect(faultOfRun(await bash("true", { folders: [folder] })).phase).toBe("isolate");
      }
    });

    it("never sees `.witnessops`, in a workspace below `/usr` and behind a link either", async () => {
      const parents = process.getuid?.() === 0 ? [tmpdir(), "/usr/local"] : [tmpdir()];
      for (const above of parents.map((parent) => mkdtempSync(join(parent, "witnessops-test-"))))
        try {
          mkdirSync(join(above, "data/keys"), { recursive: true });
          writeFileSync(join(above, "data/keys/key"), "private\n");
          const look = "cat data/keys/key .witnessops/keys/key 2>/dev/null; echo looked";
          for (const prepare of [
            () => symlinkSync("data", join(above, ".witnessops")),
            () => {
              rmSync(join(above, ".witnessops"));
              renameSync(join(above, "data"), join(above, ".witnessops"));
            },
          ]) {
            prepare();
            for (const folders of [["."], []]) {
              const run = bash(`cd ${above} 2>/dev/null; ${look}`, { folders }, { root: above });
              expect(await textOf(run)).toBe("looked\n");
            }
            if (!existsSync(join(above, "data"))) continue;
            const run = await bash("true", { folders: ["data"] }, { root: above });
            expect(faultOfRun(run).code).toBe("INPUT_REFUSED");
          }
        } finally {
          rmSync(above, { recursive: true });
        }
    });

    it("writes its scratch only, and that is gone", async () => {
      const files = { files: ["given/input.txt"], args: ["-c", 'echo x >"$0"', "given/input.txt"] };
      expect(faultOfRun(await bash("", files)).code).toBe("EXIT_STATUS");
      expect(readFileSync(join(root, "given/input.txt"), "utf8")).toBe("for the tool\n");
      const name = `scratch-${process.pid}`;
      const script = `for f in /x /usr/x /etc/x /dev/x /run/x /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do (exec 3>>$f) 2>/dev/null && echo $f; done; echo y >/tmp/${name} && cat /tmp/${name}`;
      expect(await textOf(bash(script))).toBe("y\n");
      expect(existsSync(join(tmpdir(), name))).toBe(false);
    });

    it("sees no process of the host, has no capability and makes no namespace", async () => {
      const script = `kill -0 ${process.pid} 2>/dev/null && echo reached; grep CapEff /proc/self/status; grep CapBnd /proc/self/status; unshare -Urn true 2>/dev/null && echo nested; ip addr add 192.0.2.9/32 dev lo 2>/dev/null && echo changed; true`;
      expect((await textOf(bash(script))).split("\n")).toEqual([
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "",
      ]);
    });

    it("makes no socket of another family, and reaches no key ring", async () => {
      const numbers = { x64: [41, 250], arm64: [198, 219] }[process.arch as string];
      if (numbers === undefined) return;
      const [socket, keyctl] = numbers;
      const script = `my @all = ([${socket}, 1, 1, 0], [${socket}, 2, 1, 0], [${socket}, 40, 1, 0], [${socket}, 38, 5, 0],
        [${socket}, 17, 3, 0], [${keyctl}, 0, -3, 0], [425, 1, 0]);
        for (@all) { my @call = @$_; $! = 0; my $made = syscall(shift @call, map { $_ + 0 } @call);
        print $made < 0 ? $! + 0 : "made", "\\n" }`;
      const look = { command: "perl", args: ["-e", script] };
      expect(await textOf(bash("", look))).toBe("made\nmade\n97\n97\n97\n38\n38\n");
    });

    it("ends with all of its children, those that left its session too", async () => {
      const marker = `isolated-${process.pid}-x`;
      const running = () =>
        readdirSync("/proc").filter((name) => {
          try {
            return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(marker);
          } catch {
            return false;
          }
        }).length;
      const child = `setsid bash -c 'sleep 60; true' ${marker} >/dev/null 2>&1 & sleep 0.2`;
      const run = await bash(`${child}; echo done`);
      expect(resultOf(run).stdout).toMatchObject({ text: "done\n" });
      for (let i = 0; i < 100 && running() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(running()).toBe(0);
      const late = await bash(`${child}; sleep 60`, {}, { timeoutMs: 1500 });
      expect(faultOfRun(late).code).toBe("TIMEOUT");
      for (let i = 0; i < 100 && running() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(running()).toBe(0);
    });

    it("keeps exit status, version, secrets and standard input", async () => {
      const asked = { versionArgs: ["--version"], stdin: "typed" };
      const secrets = [{ name: "t", value: "s3cr3t-token", into: { kind: "env", name: "TOKEN" } }] as const;
      const run = await bash("cat; echo $TOKEN; exit 3", { ...asked, expectExit: [3] }, { secrets });
      expect(resultOf(run)).toMatchObject({
        binary: { version: expect.stringContaining("GNU bash") },
        exitCode: 3,
        stdout: { text: "typeds3cr3t-token\n" },
      });
      expect(faultOfRun(await bash("kill -SEGV $$")).facts).toMatchObject({ exitCode: 139 });
    });

    it("fails, and does not run the tool, when the sandbox is gone", async () => {
      const path = process.env.PATH;
      const folder = mkdtempSync(join(tmpdir(), "witnessops-bin-"));
      writeFileSync(join(folder, "hello"), "#!/bin/sh\necho ran >&2\n", { mode: 0o755 });
      process.env.PATH = folder;
      try {
        const run = await bash("", { command: "hello" });
        expect(faultOfRun(run)).toMatchObject({ code: "ISOLATION_FAILED", phase: "isolate" });
        expect(run.artifacts.size).toBe(0);
        expect(await exec.offerIsolation(root)).toEqual({ refused: "bubblewrap-missing" });
      } finally {
        process.env.PATH = path;
        rmSync(folder, { recursive: true });
      }
    });
  },
);
