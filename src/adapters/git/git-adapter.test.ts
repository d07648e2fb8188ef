import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../../scripts/need-program.ts";
import {
  type CallOptions,
  faultOfRun,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import { type LocalServer, makeCertificate, startHttps, startTcp } from "../../../test/local-servers.ts";
import { makeKey, noSshServer, type SshServer, startSshServer } from "../../../test/ssh-server.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { git } from "./git-adapter.ts";
import { parseRemote } from "./parameters.ts";
import { readCommit } from "./read-commit.ts";

const missing = needProgram("git", "git") ?? noSshServer;
if (missing !== undefined) console.log(missing);
const TOKEN = "git-token-0b5e7f31";
const folder = mkdtempSync(join(tmpdir(), "witnessops-git-test-"));
const work = join(folder, "work");
const bare = join(folder, "public/shop.git");

let https: LocalServer;
let sshd: SshServer;
let extraCa: string;
let signer: ReturnType<typeof makeKey>;
const commits = { plain: "", signed: "", forged: "" };
/** What came to the HTTPS server, and what it is to do instead of answering. */
const seen: { authorization: string | undefined; path: string }[] = [];
let misbehave: ((asked: IncomingMessage, answer: ServerResponse) => boolean) | undefined;

function local(...args: string[]): string {
  const environment = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const who = ["-c", "user.name=t", "-c", "user.email=t@shop.example", "-c", "gpg.format=ssh"];
  const all = ["-C", work, ...who, "-c", `user.signingKey=${join(folder, "signer")}`, ...args];
  return execFileSync("git", all, { encoding: "utf8", env: environment }).trim();
}

beforeAll(async () => {
  if (missing !== undefined) return;
  signer = makeKey(join(folder, "signer"));
  mkdirSync(work);
  local("init", "--quiet", "--initial-branch=main");
  writeFileSync(join(work, "a.txt"), "a\n");
  local("add", "a.txt");
  local("commit", "--quiet", "-m", "plain");
  commits.plain = local("rev-parse", "HEAD");
  local("commit", "--quiet", "--allow-empty", "-S", "-m", "signed\n\nwith a body");
  commits.signed = local("rev-parse", "HEAD");
  const tampered = local("cat-file", "commit", "HEAD").replace("signed", "changed");
  const input = { cwd: work, input: `${tampered}\n`, encoding: "utf8" } as const;
  commits.forged = execFileSync("git", ["hash-object", "-t", "commit", "-w", "--stdin"], input).trim();
  local("branch", "forged", commits.forged);
  local("tag", "v1");
  mkdirSync(join(folder, "public"));
  local("clone", "--quiet", "--bare", work, bare);
  writeFileSync(join(bare, "git-daemon-export-ok"), "");
  // 8 MiB that do not compress.
  writeFileSync(join(work, "big"), randomBytes(8 * 1024 * 1024));
  local("add", "big");
  local("commit", "--quiet", "-m", "big");
  local("push", "--quiet", bare, "HEAD:big");

  const credentials = await makeCertificate("git.example");
  extraCa = credentials.cert;
  https = await startHttps(credentials, serveGit);
  sshd = await startSshServer(['ForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"']);
}, 60_000);

afterAll(async () => {
  await https?.close();
  await sshd?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** `git http-backend` as a CGI program (RFC 3875). */
function serveGit(asked: IncomingMessage, answer: ServerResponse): void {
  const url = new URL(asked.url ?? "/", "https://localhost");
  seen.push({ authorization: asked.headers.authorization, path: url.pathname });
  if (misbehave?.(asked, answer) === true) return;
  const cgi = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: join(folder, "public"),
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      GIT_PROTOCOL: String(asked.headers["git-protocol"] ?? ""),
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: asked.method,
      CONTENT_TYPE: asked.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: asked.headers["content-encoding"] ?? "",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  asked.pipe(cgi.stdin);
  let head = Buffer.alloc(0);
  cgi.stdout.on("data", (chunk: Buffer) => {
    if (answer.headersSent) return void answer.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const lines = head.subarray(0, end).toString().split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => line.split(": ", 2)));
    answer.writeHead(Number.parseInt(headers.Status ?? "200", 10), headers);
    answer.write(head.subarray(end + 4));
  });
  cgi.stdout.on("end", () => answer.end());
}

const ARTIFACTS = ["refs", "commit", "signature", "verification"];
const httpsUrl = () => `https://127.0.0.1:${https.port}/shop.git`;
const sshUrl = () => `ssh://${sshd.user}@127.0.0.1:${sshd.port}${bare}`;
const endpoints = (port: number) => [{ host: "127.0.0.1", port, protocol: "tcp" as const }];

function overHttps(more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  return runAdapter(git, {
    with: { url: httpsUrl(), ...more },
    endpoints: endpoints(https.port),
    extraCa,
    artifacts: ARTIFACTS,
    timeoutMs: 15_000,
    ...options,
  });
}

function overSsh(more: JsonObject = {}, options: Partial<CallOptions> = {}) {
  return runAdapter(git, {
    with: { url: sshUrl(), hostKeys: [sshd.hostKey], ...more },
    endpoints: endpoints(sshd.port),
    secrets: [{ name: "key", value: sshd.key, into: { kind: "key", name: "ssh" } }],
    artifacts: ARTIFACTS,
    timeoutMs: 15_000,
    ...options,
  });
}

describe.skipIf(missing !== undefined)("git", () => {
  it("lists the refs of a remote over HTTPS and over SSH", async () => {
    const expected = {
      head: "refs/heads/main",
      refs: expect.arrayContaining([{ name: "refs/tags/v1", object: commits.signed }]),
      whole: true,
    };
    const first = await overHttps();
    expect(resultOf(first)).toMatchObject({ ...expected, remote: { address: "127.0.0.1" } });
    expect(first.artifacts.get("refs")?.toString()).toContain(`${commits.signed}\trefs/heads/main\n`);
    const second = await overSsh();
    const session = { hostKey: { fingerprint: sshd.fingerprint } };
    expect(resultOf(second)).toMatchObject({ ...expected, remote: { session } });
    expect(second.artifacts.get("refs")).toEqual(first.artifacts.get("refs"));
  });

  it("fetches a commit and checks its signature against the allowed signers alone", async () => {
    const allowedSigners = [`dev@shop.example ${signer.publicKey}`];
    for (const over of [overHttps, overSsh]) {
      const done = await over({ commit: commits.signed, allowedSigners });
      expect(resultOf(done)).toMatchObject({
        commit: commits.signed,
        parents: [commits.plain],
        subject: "signed",
        signature: { format: "ssh", state: "good", principal: "dev@shop.example", key: signer.fingerprint },
      });
      const bytes = done.artifacts.get("commit") ?? Buffer.alloc(0);
      expect(readCommit(bytes, "sha1").name).toBe(commits.signed);
      expect(done.artifacts.get("signature")?.toString()).toMatch(/^-----BEGIN SSH SIGNATURE-----\n/);
      expect(done.artifacts.get("verification")?.toString()).toContain('Good "git" signature');
    }
  });

  it("tells an unknown signer, a broken signature and none apart", async () => {
    const state = async (commit: string, signers: string[]) =>
      (resultOf(await overHttps({ commit, allowedSigners: signers })).signature as JsonObject).state;
    const mine = [`dev@shop.example ${signer.publicKey}`];
    const other = [`dev@shop.example ${makeKey(join(folder, "other")).publicKey}`];
    expect(await state(commits.signed, other)).toBe("unknown-signer");
    expect(await state(commits.signed, [])).toBe("unknown-signer");
    expect(await state(commits.forged, mine)).toBe("bad");
    expect(await state(commits.plain, mine)).toBe("none");
    const expired = [`dev@shop.example valid-before="20200101" ${signer.publicKey}`];
    expect(await state(commits.signed, expired)).not.toBe("good");
  });

  it("says that a commit is not there", async () => {
    for (const over of [overHttps, overSsh])
      expect(faultOfRun(await over({ commit: "0123456789".repeat(4) })).code).toBe("COMMIT_MISSING");
  });

  it("takes no more than its bound", async () => {
    const commit = local("rev-parse", "HEAD");
    for (const over of [overHttps, overSsh])
      expect(faultOfRun(await over({ commit, maxBytes: 1_000_000 })).code).toBe("SIZE_EXCEEDED");
  });

  it("asks for no memory that a remote names, and takes large files all the same", async () => {
    const push = (name: string) =>
      local("push", "--quiet", bare, `${name}:refs/heads/large-${name.slice(0, 7)}`);
    writeFileSync(join(work, "large"), Buffer.alloc(80 * 1024 * 1024));
    local("add", "large");
    local("commit", "--quiet", "-m", "large");
    const file = local("rev-parse", "HEAD");
    push(file);
    local("reset", "--quiet", "--hard", commits.plain);
    const head = local("cat-file", "commit", commits.plain);
    const input = `${head}\n${"a".repeat(80 * 1024 * 1024)}\n`;
    const options = { cwd: work, input, encoding: "utf8" } as const;
    const commit = execFileSync("git", ["hash-object", "-t", "commit", "-w", "--stdin"], options).trim();
    push(commit);
    expect(resultOf(await overHttps({ commit: file }))).toMatchObject({ commit: file });
    const done = await overHttps({ commit });
    expect(faultOfRun(done)).toMatchObject({ code: "EXIT_STATUS", phase: "exit" });
  }, 30_000);

  it("sends the secret to the remote only, and shows it nowhere", async () => {
    seen.length = 0;
    const secrets = [
      {
        name: "token",
        value: TOKEN,
        into: { kind: "header" as const, name: "authorization", scheme: "bearer" as const },
      },
    ];
    const done = await overHttps({}, { secrets });
    expect(seen.every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(seen.length).toBeGreaterThan(0);
    expect(JSON.stringify(resultOf(done))).not.toContain(TOKEN);
  });

  it("names a remote that refuses, redirects, breaks off or talks nonsense", async () => {
    const acts: [string, typeof misbehave][] = [
      ["HTTP_STATUS", (_, answer) => answer.writeHead(401).end() !== undefined],
      [
        "HTTP_STATUS",
        (_, answer) => answer.writeHead(302, { location: "https://127.0.0.1:1/" }).end() !== undefined,
      ],
      ["ECONNRESET", (_, answer) => answer.destroy() !== undefined],
      ["PROTOCOL_ERROR", (_, answer) => answer.writeHead(200).end("<html>") !== undefined],
    ];
    for (const [code, act] of acts) {
      misbehave = act;
      expect(faultOfRun(await overHttps())).toMatchObject({ code });
    }
    misbehave = undefined;
  });

  it("refuses a remote with another certificate or another host key", async () => {
    expect(
      faultOfRun(await overHttps({}, { extraCa: (await makeCertificate("other.example")).cert })),
    ).toMatchObject({ phase: "tls" });
    const other = makeKey(join(folder, "other-host"));
    const fault = faultOfRun(await overSsh({ hostKeys: [other.publicKey] }));
    expect(fault).toMatchObject({ code: "HOST_KEY_CHANGED", phase: "connect" });
  });

  it("goes through the egress guard", async () => {
    for (const over of [overHttps, overSsh])
      expect(faultOfRun(await over({}, { endpoints: endpoints(1) })).code).toBe("EGRESS_REFUSED");
  });

  it("knows what is no remote", () => {
    for (const url of [
      "https://user@host.example/a",
      "https://user:password@host.example/a",
      "ssh://host.example/a",
      "ssh://-oProxyCommand=x@host.example/a",
      "file:///etc",
      "https://host.example/a?b",
      "ext::sh -c id",
    ])
      expect(parseRemote(url)).toBeUndefined();
    expect(parseRemote("ssh://git@host.example:2222/a/b.git")).toMatchObject({ user: "git", port: 2222 });
  });

  describe("conformance", () => {
    for (const { name, run: check } of adapterCases({
      adapter: git,
      artifacts: ["refs"],
      openCapture: memoryCapture,
      timeoutMs: 10_000,
      secretInto: { kind: "header", name: "authorization", scheme: "bearer" },
      good: async () => ({
        with: { url: httpsUrl() },
        network: testNetwork({ endpoints: endpoints(https.port), extraCa }),
        root: folder,
      }),
      silent: async () => {
        const { port } = await startTcp(() => undefined);
        const network = testNetwork({ endpoints: endpoints(port) });
        return { with: { url: `https://127.0.0.1:${port}/a.git` }, network, root: folder };
      },
    })) {
      it(name, check);
    }
  });
});
