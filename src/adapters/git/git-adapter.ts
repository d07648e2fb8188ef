import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { type Binary, findBinary, searchFolders } from "../../adapter/program/find-binary.ts";
import { runProcess, SpawnFault } from "../../adapter/program/run-process.ts";
import { writeArtifact } from "../../adapter/write-artifact.ts";
import type { JsonObject } from "../../format/json.ts";
import { type GitTransport, openTransport } from "./git-transport.ts";
import { type GitParameters, parameters } from "./parameters.ts";
import { readCommit } from "./read-commit.ts";

/** Refs that stand in the result; all of them are in the artifact `refs`. */
const MAX_REFS = 2000;
/** Most that git may print, in bytes. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/**
 * Reads a remote repository: its refs, or one commit by its full name with the check of its signature. Git speaks the
 * protocol, over connections that the egress guard has made; without hooks, submodules or anybody's configuration.
 */
export const git: Adapter = {
  id: "git",
  version: "1.0.0",
  egress: "guarded",
  isolation: "none",
  parameters,
  async run(call) {
    const asked = call.with as GitParameters;
    let transport: GitTransport | undefined;
    try {
      const binary = await findBinary("git", await searchFolders(process.env.PATH ?? "", call.root));
      if (binary === undefined)
        return failed("NOT_FOUND", "spawn", "program `git` is not on the search path");
      const opened = await openTransport(call, asked);
      if ("code" in opened) return { ok: false, fault: opened };
      transport = opened;
      const { commit } = asked;
      const session = { call, transport, binary };
      return commit === undefined
        ? await listRefs(session)
        : await fetchCommit(session, { ...asked, commit });
    } catch (error) {
      if (error instanceof GitFailed) return { ok: false, fault: error.fault };
      if (error instanceof SpawnFault) return failed(error.code, "spawn", error.message);
      const fault = call.signal.aborted ? undefined : await transport?.readFault();
      return { ok: false, fault: fault ?? faultOf(error, "response", call.signal) };
    } finally {
      await transport?.close();
    }
  },
};

interface Session {
  readonly call: Call;
  readonly transport: GitTransport;
  readonly binary: Binary;
}

class GitFailed extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

async function listRefs(session: Session): Promise<AdapterOutcome> {
  const { call, transport, binary } = session;
  const { stdout } = await mustRun(session, ["ls-remote", "--symref", "--", transport.url]);
  await writeArtifact(call.capture, "refs", stdout, { source: "git ls-remote", mediaType: "text/plain" });
  const refs: JsonObject[] = [];
  let head: string | null = null;
  let count = 0;
  for (const line of stdout.toString("utf8").split("\n")) {
    const [value = "", name] = line.split("\t");
    if (name === undefined) continue;
    if (value.startsWith("ref: ")) {
      if (name === "HEAD") head = value.slice(5);
      continue;
    }
    count += 1;
    if (refs.length < MAX_REFS) refs.push({ name: name.toWellFormed(), object: value });
  }
  const remote = await transport.describe();
  return {
    ok: true,
    result: { program: { ...binary }, remote, head, refs, count, whole: refs.length === count },
  };
}

async function fetchCommit(
  session: Session,
  asked: GitParameters & { commit: string },
): Promise<AdapterOutcome> {
  const { call, transport, binary } = session;
  const { commit, allowedSigners = [] } = asked;
  const algorithm = commit.length === 40 ? "sha1" : "sha256";
  const repository = join(transport.folder, "repository");
  await mustRun(session, [
    "init",
    "--quiet",
    "--bare",
    "--template=",
    `--object-format=${algorithm}`,
    repository,
  ]);
  const inside = ["--git-dir", repository];
  const options = ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
  await mustRun(session, [...inside, "fetch", ...options, "--", transport.url, commit]);
  const { stdout: bytes } = await mustRun(session, [...inside, "cat-file", "commit", commit]);
  const read = readCommit(bytes, algorithm);
  if (read.name !== commit)
    return failed("OBJECT_MISMATCH", "response", "the object's bytes do not have its name");
  await writeArtifact(call.capture, "commit", bytes, {
    source: "git cat-file",
    mediaType: "application/x-git-commit",
  });
  const { signature } = read;
  if (signature !== undefined) {
    const text = Buffer.from(signature.text);
    await writeArtifact(call.capture, "signature", text, {
      source: "commit header gpgsig",
      mediaType: "text/plain",
    });
  }
  const checked =
    signature?.format === "ssh" ? await checkSignature(session, inside, commit, allowedSigners) : undefined;
  return {
    ok: true,
    result: {
      program: { ...binary },
      remote: await transport.describe(),
      commit,
      size: bytes.length,
      ...read.fields,
      signature: {
        format: signature?.format ?? null,
        // What cannot be checked is not called bad.
        state: signature === undefined ? "none" : (checked?.state ?? "unchecked"),
        principal: checked?.principal ?? null,
        key: checked?.key ?? null,
      },
    },
  };
}

/** Lets git check an SSH signature, at the commit's own time, against the allowed signers alone. */
async function checkSignature(
  session: Session,
  inside: readonly string[],
  commit: string,
  allowed: readonly string[],
) {
  const { call, transport } = session;
  const signers = join(transport.folder, "signers");
  await writeFile(signers, allowed.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  const settings = ["-c", "gpg.ssh.program=ssh-keygen", "-c", `gpg.ssh.allowedSignersFile=${signers}`];
  const end = await run(session, [...settings, ...inside, "verify-commit", "--raw", "--", commit]);
  const said = Buffer.concat([end.stdout, end.stderr]);
  await writeArtifact(call.capture, "verification", said, {
    source: "git verify-commit",
    mediaType: "text/plain",
  });
  const text = said.toString("utf8");
  const key = /\bkey (SHA256:[A-Za-z0-9+/]{43})/.exec(text)?.[1] ?? null;
  const good = /^Good "git" signature for (.+) with \S+ key SHA256:/m.exec(text);
  if (end.exitCode === 0 && good !== null)
    return { state: "good", principal: good[1]?.toWellFormed() ?? null, key };
  const isUnknown = /^Good "git" signature with /m.test(text) || text.includes("No principal matched");
  return { state: isUnknown ? "unknown-signer" : "bad", principal: null, key };
}

interface GitEnd {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

async function run({ transport, binary }: Session, args: readonly string[]): Promise<GitEnd> {
  const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
  let size = 0;
  const take = (to: Uint8Array[]) => async (bytes: Uint8Array) => {
    size += bytes.length;
    if (size > MAX_OUTPUT)
      throw new GitFailed({
        code: "SIZE_EXCEEDED",
        phase: "response",
        message: `git prints more than ${MAX_OUTPUT} bytes`,
      });
    to.push(bytes);
  };
  const { exitCode } = await runProcess({
    path: binary.path,
    argv0: "git",
    args,
    cwd: transport.folder,
    environment: transport.environment,
    stdin: undefined,
    signal: transport.signal,
    onStdout: take(out),
    onStderr: take(err),
  });
  return { exitCode, stdout: Buffer.concat(out), stderr: Buffer.concat(err) };
}

/** Runs git; its failure is the transport's, if that has one. @throws GitFailed. */
async function mustRun(session: Session, args: readonly string[]): Promise<GitEnd> {
  const { call, transport } = session;
  const end = await run(session, args);
  if (call.signal.aborted) throw new GitFailed(abortedFault(call.signal, "response"));
  if (end.exitCode === 0) return end;
  const said = end.stderr.toString("utf8");
  if (/not our ref|unadvertised object|couldn't find remote ref/.test(said))
    throw new GitFailed({
      code: "COMMIT_MISSING",
      phase: "response",
      message: "the remote has no such commit",
    });
  const fault = await transport.readFault();
  if (fault !== undefined) throw new GitFailed(fault);
  const line = said
    .trim()
    .split("\n")
    .at(-1)
    ?.replaceAll(transport.url, "the remote")
    .slice(0, 500)
    .toWellFormed();
  const message = `git ended with ${end.exitCode}: ${line}`;
  throw new GitFailed({ code: "EXIT_STATUS", phase: "exit", message, facts: { exitCode: end.exitCode } });
}

function failed(code: string, phase: string, message: string): AdapterOutcome {
  return { ok: false, fault: { code, phase, message } };
}
