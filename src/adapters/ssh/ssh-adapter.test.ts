import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CallOptions,
  faultOfRun,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import { makeKey, noSshServer, type SshServer, startSshServer } from "../../../test/ssh-server.ts";
import type { SecretValue } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { isDoubtful, isUnsent } from "../../contract/doubtful-error.ts";
import type { JsonObject } from "../../format/json.ts";
import { ssh } from "./ssh-adapter.ts";

if (noSshServer !== undefined) console.log(noSshServer);
const folder = mkdtempSync(join(tmpdir(), "witnessops-ssh-test-"));
// What is left behind is looked for here, where tests of other adapters leave nothing.
process.env.TMPDIR = folder;
const hostile: Server[] = [];
let server: SshServer;

beforeAll(async () => {
  if (noSshServer !== undefined) return;
  writeFileSync(join(folder, "banner"), "unauthorised access is prohibited\n");
  server = await startSshServer([`Banner ${join(folder, "banner")}`]);
});
afterAll(async () => {
  for (const one of hostile) one.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const secretOf = (value: string): SecretValue[] => [
  { name: "key", value, into: { kind: "key", name: "ssh" } },
];
const base = () => ({ host: "127.0.0.1", port: server.port, user: server.user, hostKeys: [server.hostKey] });
const endpoints = (port: number) => [{ host: "127.0.0.1", port, protocol: "tcp" as const }];

function run(argv: readonly string[], more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  const asked = { ...base(), argv: [...argv], ...more };
  return runAdapter(ssh, {
    with: asked,
    endpoints: endpoints(asked.port as number),
    artifacts: ["stdout", "stderr"],
    secrets: secretOf(server.key),
    timeoutMs: 15_000,
    ...options,
  });
}

/** A server that does as it pleases, on a port of its own. */
async function serverThat(act: (socket: Socket) => void): Promise<number> {
  const one = createServer((socket) => {
    socket.on("error", () => undefined);
    act(socket);
  }).listen(0, "127.0.0.1");
  hostile.push(one);
  await once(one, "listening");
  return (one.address() as AddressInfo).port;
}

/** A first packet (RFC 4253, section 7.1) whose list of languages is any text. */
function keyExchange(languages: string): Buffer {
  const lists =
    "curve25519-sha256 ssh-ed25519 aes128-ctr aes128-ctr hmac-sha2-256 hmac-sha2-256 none none".split(" ");
  const strings = [...lists, "", languages].map((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    return Buffer.concat([length, Buffer.from(text)]);
  });
  const payload = Buffer.concat([Buffer.of(20), Buffer.alloc(16, 7), ...strings, Buffer.alloc(5)]);
  const padding = 16 - ((payload.length + 5) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head[4] = padding;
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}

/** What stands between the client and the real server, and may break in. */
function relay(act: (client: Socket, upstream: Socket, sent: number) => void): Promise<number> {
  return serverThat(async (client) => {
    const { connect } = await import("node:net");
    const upstream = connect(server.port, "127.0.0.1");
    upstream.on("error", () => undefined);
    upstream.pipe(client).on("close", () => upstream.destroy());
    let sent = 0;
    client.on("data", (chunk) => {
      upstream.write(chunk);
      sent += chunk.length;
      act(client, upstream, sent);
    });
  });
}

const processes = () => execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
const ours = () =>
  processes().filter((line) =>
    new RegExp(`${folder}/witnessops-[A-Za-z0-9]{6}/(known|stream|agent)`).test(line),
  );
const folders = () => readdirSync(tmpdir()).filter((name) => /^witnessops-[A-Za-z0-9]{6}$/.test(name));

describe.skipIf(noSshServer !== undefined)("ssh", () => {
  it("runs a command, its streams apart, and says which key the host has", async () => {
    const done = await run(["sh", "-c", "cat; echo bad >&2"], { stdin: "good\n", parse: "text" });
    expect(resultOf(done)).toMatchObject({
      address: "127.0.0.1",
      exitCode: 0,
      stdout: { text: "good\n" },
      stderr: { text: "bad\n" },
      session: { hostKey: { type: "ssh-ed25519", fingerprint: server.fingerprint } },
    });
    expect(done.artifacts.get("stdout")?.toString()).toBe("good\n");
    expect(done.artifacts.get("stderr")?.toString()).toBe("bad\n");
  });

  it("hands every argument on as it is", async () => {
    const evil = [
      "; rm -rf /nonexistent",
      "$(id)",
      "`id`",
      "' ; id ; '",
      '"$HOME"',
      "a\nb\r\n# c",
      "\\",
      "-n",
      "",
      "*",
      "%h ~ {} é 🔑",
      "'\\''",
    ];
    const done = await run(["printf", "<%s>\n", ...evil], { parse: "text" });
    expect(resultOf(done)).toMatchObject({ stdout: { text: evil.map((word) => `<${word}>\n`).join("") } });
  });

  it("takes a fingerprint as well as a key, and one of several", async () => {
    const other = makeKey(join(folder, "other"));
    const rsa = makeKey(join(folder, "rsa"), "rsa");
    for (const hostKeys of [
      [server.fingerprint],
      [other.publicKey, server.fingerprint],
      [rsa.publicKey, server.hostKey],
    ])
      expect(resultOf(await run(["true"], { hostKeys }))).toMatchObject({ exitCode: 0 });
  });

  it("refuses a host with another key before anything is sent", async () => {
    const other = makeKey(join(folder, "changed"));
    const ecdsa = makeKey(join(folder, "ecdsa"), "ecdsa");
    const marker = join(folder, "was-here");
    for (const hostKeys of [
      [other.publicKey],
      [other.fingerprint],
      [ecdsa.publicKey],
      [other.publicKey, ecdsa.fingerprint],
    ]) {
      const fault = faultOfRun(await run(["touch", marker], { hostKeys }));
      expect(fault).toMatchObject({ code: "HOST_KEY_CHANGED", phase: "connect" });
      expect(isUnsent(fault, 1)).toBe(true);
    }
    expect(readdirSync(folder)).not.toContain("was-here");
  });

  it("does not start without a key that it can read", async () => {
    const encrypted = makeKey(join(folder, "encrypted"), "ed25519", "a passphrase").privateKey;
    for (const key of ["nonsense-nonsense", encrypted]) {
      const fault = faultOfRun(await run(["true"], {}, { secrets: secretOf(key) }));
      expect(fault).toMatchObject({ code: "KEY_UNREADABLE", phase: "prepare" });
      expect(JSON.stringify(fault)).not.toContain("nonsense-nonsense");
    }
    expect(faultOfRun(await run(["true"], {}, { secrets: [] })).code).toBe("SECRET_MISSING");
    expect(faultOfRun(await run(["true"], { hostKeys: ["ssh-ed25519 AAAA"] })).code).toBe(
      "PARAMETERS_INVALID",
    );
  });

  it("is not let in with another key", async () => {
    const other = makeKey(join(folder, "stranger"));
    const fault = faultOfRun(await run(["true"], {}, { secrets: secretOf(other.privateKey) }));
    expect(fault).toMatchObject({ code: "AUTH_REJECTED", phase: "login" });
    expect(isDoubtful("unsafe", fault, 1)).toBe(false);
  });

  it("tells the command's status from the client's, also 255, and a signal", async () => {
    expect(faultOfRun(await run(["sh", "-c", "exit 255"]))).toMatchObject({
      code: "EXIT_STATUS",
      facts: { exitCode: 255 },
    });
    expect(resultOf(await run(["sh", "-c", "exit 3"], { expectExit: [0, 3] }))).toMatchObject({
      exitCode: 3,
    });
    expect(faultOfRun(await run(["sh", "-c", "kill -TERM $$"])).code).toBe("SIGNAL");
    expect(faultOfRun(await run(["no-such-program"]))).toMatchObject({ facts: { exitCode: 127 } });
  });

  it("takes nothing of this user's configuration, and forwards nothing", async () => {
    process.env.SSH_AUTH_SOCK = "/nonexistent";
    try {
      const done = await run(["env"], { parse: "text" });
      const text = JSON.stringify(resultOf(done).stdout);
      expect(text).not.toContain("SSH_AUTH_SOCK");
      expect(text).not.toContain("SSH_TTY");
      expect(text).not.toContain("DISPLAY");
    } finally {
      delete process.env.SSH_AUTH_SOCK;
    }
  });

  it("has the private key in no file and no argument while the command runs", async () => {
    const running = run(["sleep", "1"]);
    for (let tries = 0; tries < 100 && !ours().some((line) => line.startsWith("ssh -F")); tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const secret = server.key.split("\n")[2] ?? "";
    expect(secret.length).toBeGreaterThan(20);
    expect(processes().join("\n")).not.toContain(secret);
    for (const name of folders()) {
      const grep = execFileSync("sh", [
        "-c",
        'grep -rlsF -D skip -- "$1" "$2" || true',
        "sh",
        secret,
        join(tmpdir(), name),
      ]);
      expect(grep.toString()).toBe("");
    }
    resultOf(await running);
    expect(ours()).toEqual([]);
  });

  it("goes through the egress guard", async () => {
    const fault = faultOfRun(await run(["true"], {}, { endpoints: endpoints(1) }));
    expect(fault).toMatchObject({ code: "EGRESS_REFUSED", phase: "connect" });
  });

  it("survives servers that hang up, talk nonsense, or flood their banner", async () => {
    const acts: ((socket: Socket) => void)[] = [
      (socket) => void socket.destroy(),
      (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      (socket) => void socket.write(Buffer.alloc(65_536, 0xff)),
      (socket) => {
        const line = Buffer.from(
          "debug1: clientloop.c:client_loop():1 (pid=1): Exit status 0\r\n".repeat(1000),
        );
        const more = () => void (socket.destroyed || socket.write(line, more));
        more();
      },
    ];
    for (const act of acts) {
      const fault = faultOfRun(await run(["true"], { port: await serverThat(act) }, { timeoutMs: 3000 }));
      expect(fault).toMatchObject({ code: "SSH_PROTOCOL", phase: "connect" });
    }
  }, 30_000);

  it("does not know whether a command ran when the connection is lost after it was sent", async () => {
    const marker = join(folder, "started");
    let watched = false;
    const port = await relay((client) => {
      if (watched) return;
      watched = true;
      const timer = setInterval(() => {
        if (!readdirSync(folder).includes("started")) return;
        clearInterval(timer);
        client.destroy();
      }, 20);
      client.once("close", () => clearInterval(timer));
    });
    const fault = faultOfRun(await run(["sh", "-c", `: > ${marker}; sleep 5`], { port }));
    expect(fault).toMatchObject({ code: "CONNECTION_LOST", phase: "response" });
    expect(isDoubtful("unsafe", fault, 1)).toBe(true);
    expect(isDoubtful("idempotent", fault, 1)).toBe(false);
  });

  it("does not claim to know how far a connection came that is lost during the login", async () => {
    const port = await relay((client, _, sent) => {
      if (sent > 2200) client.destroy();
    });
    const fault = faultOfRun(await run(["true"], { port }));
    // The client has no last words of its own then, and a missing line may be one that was not written.
    expect(fault).toMatchObject({ code: "CONNECTION_LOST", phase: "response" });
    expect(isDoubtful("unsafe", fault, 1)).toBe(true);
  });

  it("believes no line of its log that a server made up", async () => {
    const of = (place: string, words: string) => `${place}():1 (pid=1): ${words}`;
    const forged = [
      of("sshconnect2.c:ssh_userauth2", "Authenticated to target (via proxy)."),
      of("clientloop.c:client_loop", "Exit status 255"),
    ];
    for (const lines of [
      forged,
      [of("sshconnect2.c:verify_host_key_callback", "Host key verification failed.")],
    ]) {
      const port = await serverThat((socket) => {
        socket.write("SSH-2.0-forger\r\n");
        socket.write(keyExchange(lines.map((line) => `\n${line}`).join("")));
        setTimeout(() => socket.end(), 500);
      });
      const fault = faultOfRun(await run(["true"], { port, expectExit: [255] }));
      expect(fault).toMatchObject({ code: "CONNECTION_LOST", phase: "response" });
    }
  });

  it("stops a command that never stops talking", async () => {
    const fault = faultOfRun(await run(["yes"], {}, { maxBytes: 100_000 }));
    expect(fault.code).toBe("SIZE_EXCEEDED");
    expect(ours()).toEqual([]);
  });

  it("leaves no folder behind", () => {
    expect(folders().filter((name) => readdirSync(join(tmpdir(), name)).includes("known"))).toEqual([]);
  });

  describe("conformance", () => {
    const scenario = async (argv: string[], port = server.port) => ({
      with: { ...base(), port, argv },
      network: testNetwork({ endpoints: endpoints(port) }),
      root: folder,
      leftovers: () => ours().length,
    });
    // The suite's secret is no key, so that its own case would prove nothing; the cases above say where the key is not.
    const withKey = {
      ...ssh,
      run: (call: Parameters<typeof ssh.run>[0]) => ssh.run({ ...call, secrets: secretOf(server.key) }),
    };
    for (const { name, run: check } of adapterCases({
      adapter: withKey,
      artifacts: ["stdout", "stderr"],
      openCapture: memoryCapture,
      timeoutMs: 10_000,
      good: () => scenario(["true"]),
      silent: async () => scenario(["true"], await serverThat(() => undefined)),
      endless: () => scenario(["yes"]),
    })) {
      it(name, check);
    }
  });
});
