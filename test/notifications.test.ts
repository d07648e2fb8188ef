// Notifications: somebody is told when something waits, was escalated, or was done without approval, by contracts that
// go through the governed path, against real receivers. What cannot be told ends nothing, and nothing is told twice.
import { execFile } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalServer, makeCertificate, startHttp, startHttps } from "./local-servers.ts";

const execute = promisify(execFile);
const program = join(import.meta.dirname, "..", "witnessops");
const folder = mkdtempSync(join(tmpdir(), "witnessops-notify-"));
const root = join(folder, "workspace");
const received: { url: string; headers: NodeJS.Dict<string | string[]>; body: string }[] = [];
let plain: LocalServer;
let slack: LocalServer;
let environment: NodeJS.ProcessEnv;

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
}

async function witnessops(...words: string[]): Promise<Ended> {
  return execute(program, [...words, "-C", root], { env: environment }).catch((error: Ended) => error);
}

beforeAll(async () => {
  const take = async (
    request: import("node:http").IncomingMessage,
    response: import("node:http").ServerResponse,
  ): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push({ url: request.url ?? "", headers: request.headers, body });
    response.end("ok");
  };
  plain = await startHttp((request, response) => void take(request, response));
  const certificate = await makeCertificate("localhost");
  slack = await startHttps(certificate, (request, response) => void take(request, response));
  const authority = join(folder, "authority.pem");
  writeFileSync(authority, certificate.cert);
  environment = {
    ...process.env,
    NODE_EXTRA_CA_CERTS: authority,
    SLACK_HOOK: "T0123/B4567/s3cr3tWebhookPath",
  };
  await execute(program, ["init", root, "--owner", "ana", "--owner-key", join(folder, "ana.pem")]);
  // Mattermost and others take Slack's messages at their own address: the draft is copied, its host changed.
  const text = readFileSync(join(root, "catalog", "drafts", "notify", "slack.yaml"), "utf8")
    .replace("id: notify.slack", "id: notify.chat")
    .replace("https://hooks.slack.com/services", `https://127.0.0.1:${slack.port}/hooks`)
    .replaceAll("hooks.slack.com", "127.0.0.1")
    .replace("port: 443", `port: ${slack.port}`);
  mkdirSync(join(root, "catalog", "own"));
  writeFileSync(join(root, "catalog", "own", "chat.yaml"), text);
  await witnessops("catalog", "lock");
  await witnessops("engagement", "new", "local", "--include", "cidr:127.0.0.0/8");
  await witnessops("engagement", "new", "messages", "--include", "cidr:127.0.0.0/8");
  for (const id of ["local", "messages"])
    await witnessops("engagement", "authorize", id, "--key", join(folder, "ana.pem"));
  appendFileSync(
    join(root, "witnessops.yaml"),
    `notify:
  - { on: [waiting, escalated], contract: notify.webhook@1.0.0, engagement: messages, with: { url: "http://127.0.0.1:${plain.port}/in" } }
  - { on: [waiting], contract: notify.chat@1.0.0, engagement: messages }
  - { on: [waiting], contract: notify.webhook@1.0.0, engagement: messages, with: { url: "https://elsewhere.example/in" } }
`,
  );
}, 120_000);

afterAll(async () => {
  await plain.close();
  await slack.close();
  rmSync(folder, { recursive: true, force: true });
});

const inputs = ["--input", "target=127.0.0.1", "--input", "port=9", "--input", "ports=[9]"];

describe("a notification", () => {
  it("goes out when a step begins to wait, by each rule, once", async () => {
    const started = await witnessops(
      "run",
      "start",
      "exposure-check",
      "--engagement",
      "local",
      ...inputs,
      "--json",
    );
    const { run } = JSON.parse(started.stdout) as { run: string };
    const [webhook, chat] = received;
    expect(received).toHaveLength(2);
    expect(JSON.parse(webhook?.body ?? "")).toMatchObject({
      on: "waiting",
      run,
      step: "ports",
      engagement: "local",
      requester: "ana",
      text: expect.stringContaining("ports waits for an approval"),
    });
    expect(webhook?.headers["idempotency-key"]).toMatch(/^[0-9a-f]{32}$/);
    expect(chat?.url).toBe("/hooks/T0123/B4567/s3cr3tWebhookPath");
    expect(JSON.parse(chat?.body ?? "")).toEqual({ text: expect.stringContaining(run) });
    // The third receiver is in nobody's scope: that is said, and the run waits all the same.
    expect(started.stderr).toContain("not told by notify.webhook@1.0.0: outside-engagement-scope");

    await witnessops("run", "resume", run);
    expect(received).toHaveLength(2);
  }, 120_000);

  it("is a call like any other, and shows no secret", async () => {
    const listed = await witnessops("run", "list", "--json");
    const runs = JSON.parse(listed.stdout) as { runs: { run: string; engagement: string }[] };
    const sent = runs.runs.filter(({ engagement }) => engagement === "messages");
    expect(sent).toHaveLength(3);
    const report = await witnessops("report", "messages", "--json");
    const { ran } = JSON.parse(report.stdout) as {
      ran: { contract: string; outcome: string; evidence: string }[];
    };
    expect(ran.map(({ contract, outcome }) => [contract, outcome]).sort()).toEqual([
      ["notify.chat@1.0.0", "executed"],
      ["notify.webhook@1.0.0", "executed"],
    ]);
    const { stdout } = await execute("grep", ["-rlc", "s3cr3tWebhookPath", root]).catch(
      (error: Ended) => error,
    );
    expect(stdout).toBe("");
  }, 60_000);
});
