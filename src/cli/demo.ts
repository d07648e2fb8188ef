import { join } from "node:path";
import type { RunView } from "../run/view-run.ts";
import type { Report } from "../verifier/report.ts";
import { type Context, defineCommand, type Result } from "./command.ts";
import {
  changeOneByte,
  connectToTarget,
  copyMessage,
  type DemoFolder,
  MESSAGE,
  makeDemoFolder,
} from "./demo/demo-workspace.ts";
import type { DemoFindings } from "./demo/findings.ts";
import { printSummary } from "./demo/print-summary.ts";
import { type DemoTarget, startTarget } from "./demo/start-target.ts";
import { exit } from "./exit.ts";
import { Printer } from "./output.ts";

export const command = defineCommand({
  parameters: {},
  example: "demo",
  async run(_given, context) {
    const target = await startTarget();
    try {
      const findings = await playDemo(target, context);
      const isGood = findings.trusted.verdict === "valid" && findings.tampered.verdict === "invalid";
      return {
        exit: isGood ? exit.done : exit.refused,
        json: jsonOf(findings),
        print: (out) => printSummary(out, findings),
      };
    } finally {
      await target.close();
    }
  },
});

/** Plays the whole path as command lines, each one printed before it runs. */
async function playDemo(target: DemoTarget, context: Context): Promise<DemoFindings> {
  const folder = makeDemoFolder();
  const play = player(folder, context);
  await prepare(folder, target, play);

  play.say("A runbook against the target. It pauses before the port probe.");
  const at = ["-C", "workspace"];
  const run = ["--engagement", "northwind", "--as", "omar"];
  const ports = `ports=[${target.mailPort},${target.httpsPort},${target.closedPort}]`;
  const inputs = [
    "--input",
    `target=${target.host}`,
    "--input",
    `port=${target.httpsPort}`,
    "--input",
    ports,
    // The names of the stand-ins are known to their own DNS responder only, not to programs that exec starts.
    "--input",
    "address=127.0.0.1",
  ];
  const waiting = await play<RunView>("run", "start", "exposure-check", ...inputs, ...run, ...at);
  play.say(
    "A second person reads what would be done and signs it with a key that the workspace does not have.",
  );
  const approver = ["--as", "amara", "--key", "keys/amara.pem"];
  await play("run", "approve", waiting.run, "ports", ...approver, "--yes", ...at);
  const exposure = await play<RunView>("run", "resume", waiting.run, ...at);

  play.say("A target that nobody authorized: denied and receipted before any packet.");
  const outOfScope = await play<RunView>(
    "run",
    "start",
    "exposure-check",
    "--input",
    "target=www.example.org",
    ...run,
    ...at,
  );

  play.say("A reported message, and what a person concludes from the evidence.");
  const message = ["--input", `path=${MESSAGE}`, "--input", `rdapBase=${target.rdapBase}`];
  const triage = await play<RunView>("run", "start", "phishing-triage", ...message, ...run, ...at);
  const cites = triage.steps
    .filter((step) => step.outcome === "executed" && step.receipt !== undefined)
    .filter((step) => step.id === "message" || step.id === "sender-registration")
    .flatMap((step) => ["--cite", (step.receipt ?? "").slice("sha256:".length, "sha256:".length + 12)]);
  const words = "credential phishing: sender domain registered a week before, SPF and DMARC fail";
  await play(
    "conclude",
    triage.run,
    "--statement",
    words,
    "--confidence",
    "medium",
    ...cites,
    ...approver,
    ...at,
  );

  play.say("Proof for somebody who trusts neither this host nor us.");
  const bundle = "exposure-check.tar";
  await play("bundle", "export", exposure.run, "-o", bundle, ...at);
  await play("bundle", "export", triage.run, "-o", "phishing-triage.tar", ...at);
  const trusted = await play.quietly<Report>("verify", bundle, "--trust", "trust.json");
  const triageReport = await play.quietly<Report>("verify", "phishing-triage.tar", "--trust", "trust.json");
  const untrusted = await play.quietly<Report>("verify", bundle);
  await play("bundle", "unpack", bundle, "tampered");
  const victim = trusted.steps
    .find((step) => step.id === "headers")
    ?.artifacts.find((one) => one.id.endsWith("/response-head"));
  const tamperedPath = changeOneByte(join(folder.root, "tampered"), victim?.digest ?? "");
  play.say(`One byte of ${tamperedPath.slice(0, 32)}… is changed.`);
  const tampered = await play.quietly<Report>("verify", "tampered", "--trust", "trust.json");
  return {
    exposure,
    triage,
    outOfScope,
    bundle: join(folder.root, bundle),
    trust: folder.trust,
    trusted,
    untrusted,
    tampered,
    triageReport,
    tamperedPath,
  };
}

/** A workspace, its people, an authorized engagement, and a reviewer's trust file. */
async function prepare(folder: DemoFolder, target: DemoTarget, play: Player): Promise<void> {
  const at = ["-C", "workspace"];
  play.say(`Everything is kept in ${folder.root}`);
  const owner = ["--owner", "olivia", "--owner-name", "Olivia Owner", "--owner-key", "keys/olivia.pem"];
  const made = await play<{ ownerKeyId: string; issuerRoot: string }>("init", "workspace", ...owner);
  connectToTarget(folder, target);
  copyMessage(folder);
  for (const [id, name, role] of [
    ["omar", "Omar Operator", "operator"],
    ["amara", "Amara Approver", "approver"],
  ] as const) {
    await play("key", "new", `keys/${id}.pem`);
    await play(
      "principal",
      "add",
      id,
      "--name",
      name,
      "--role",
      role,
      "--public-key",
      `keys/${id}.pem.pub`,
      ...at,
    );
  }
  play.say("The owner says who may do what to which targets, and signs it.");
  const include = [
    "host:*.northwind.example",
    "cidr:127.0.0.1/32",
    "host:invoice.example",
    "host:*.invoice.example",
    "host:*.pay-invoice.test",
    "host:*.bulk-post.test",
    "file:messages/*",
  ].flatMap((entry) => ["--include", entry]);
  const people = ["--operator", "omar", "--approver", "amara"];
  const title = ["--title", "Northwind, external", "--classification", "confidential"];
  await play("engagement", "new", "northwind", ...title, ...people, ...include, ...at);
  await play("engagement", "authorize", "northwind", "--key", "keys/olivia.pem", ...at);
  play.say("A reviewer notes the keys they trust, compared with their holders, outside of any bundle.");
  await play("trust", "new", "trust.json");
  for (const [id, role] of [
    ["olivia", "owner"],
    ["amara", "approver"],
  ] as const) {
    const key = ["--public-key", `keys/${id}.pem.pub`];
    await play("trust", "add", "trust.json", "--principal", id, "--role", role, ...key);
  }
  const root = await play.quietly<{ publicKey: string }>("key", "export", "issuer-root", ...at);
  await play("trust", "add", "trust.json", "--issuer-root", "northwind", "--public-key", root.publicKey);
  if (made.issuerRoot === "") throw new TypeError("the workspace has no issuer root");
}

interface Player {
  /** Runs one command line in the demo's folder, shows it and what it prints, and answers its JSON. */
  <T = unknown>(...words: string[]): Promise<T>;
  /** As above, without showing what it prints. */
  quietly<T = unknown>(...words: string[]): Promise<T>;
  /** Tells the reader what comes. */
  say(text: string): void;
}

function player(folder: DemoFolder, context: Context): Player {
  process.chdir(folder.root);
  const out = context.json ? undefined : new Printer(process.stdout);
  const run = async (words: readonly string[], show: boolean): Promise<Result> => {
    out?.line();
    out?.line({ text: `$ witnessops ${words.map(quoted).join(" ")}`, style: "bold" });
    const result = await context.runLine(words);
    if (show && out !== undefined) result.print(out);
    return result;
  };
  const play = async (...words: string[]) => (await run(words, true)).json;
  const quietly = async (...words: string[]) => (await run(words, false)).json;
  const say = (text: string): void => {
    out?.line();
    out?.line({ text: `# ${text}`, style: "dim" });
  };
  return Object.assign(play, { quietly, say }) as Player;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function jsonOf(findings: DemoFindings) {
  const { exposure, outOfScope, trusted, untrusted, tampered } = findings;
  return {
    runId: exposure.run,
    bundle: findings.bundle,
    trust: findings.trust,
    steps: trusted.steps.map(({ id, outcome, proofClass }) => ({
      id,
      outcome,
      proofClass: proofClass ?? null,
    })),
    denied: outOfScope.steps
      .filter((step) => step.outcome === "denied")
      .map((step) => ({ target: String(outOfScope.inputs.target), gate: step.gate, reason: step.reason })),
    verdicts: { trusted: trusted.verdict, untrusted: untrusted.verdict, tampered: tampered.verdict },
    tamperedFailures: [
      ...new Set(tampered.layers.flatMap((layer) => layer.failures.map((failure) => failure.code))),
    ],
  };
}
