// Every contract that carries a mark of the catalog is called here, through all gates, and what comes of it is proof: the
// five signals hold in a bundle that an honest reviewer finds valid. The marks are written from this list: `live` against
// a real system, `schema` against a server made from the vendor's own description.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openNetwork } from "../src/adapter/egress/guarded-network.ts";
import { adapters } from "../src/adapters/all.ts";
import type { CatalogChecks } from "../src/contract/catalog-checks.ts";
import { type Contract, referenceOf } from "../src/contract/contract.ts";
import { digestOfDocument } from "../src/contract/digest-document.ts";
import { implicitRunbook } from "../src/contract/implicit-runbook.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import { advance } from "../src/run/advance.ts";
import type { Lane } from "../src/run/lane.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { openTestLane, signApproval, type TestLane } from "./fixtures/lane.ts";
import { judge, VALID, verdict } from "./fixtures/real-run.ts";
import { bind } from "./live/bind.ts";
import { crowdsec } from "./live/crowdsec.ts";
import { ghecSystem, githubSystem } from "./live/described-github.ts";
import { kubernetesSystem } from "./live/described-kubernetes.ts";
import { oktaSystem } from "./live/described-okta.ts";
import { etcd } from "./live/etcd.ts";
import { clamav, exiftool, yara } from "./live/file-scanners.ts";
import { fileTools } from "./live/file-tools.ts";
import type { LiveCall, LiveSystem, RunningSystem } from "./live/live-system.ts";
import { mariadb } from "./live/mariadb.ts";
import { mcpFilesystem, mcpMemory } from "./live/mcp-servers.ts";
import { nginx } from "./live/nginx.ts";
import { nsd } from "./live/nsd.ts";
import { openssh } from "./live/openssh.ts";
import { postgresql } from "./live/postgresql.ts";
import { powerdns } from "./live/powerdns.ts";
import { prometheus } from "./live/prometheus.ts";
import { rdapServer } from "./live/rdap-server.ts";
import { rspamd } from "./live/rspamd.ts";
import { s3rver } from "./live/s3rver.ts";
import { nmap, sshAudit, sslscan } from "./live/scanners.ts";
import { slapd } from "./live/slapd.ts";
import { smtpServer } from "./live/smtp-server.ts";
import { webhook } from "./live/webhook.ts";
import { wireshark } from "./live/wireshark.ts";
import { workspaceFiles } from "./live/workspace-files.ts";

const systems: readonly LiveSystem[] = [
  bind,
  clamav,
  crowdsec,
  etcd,
  exiftool,
  fileTools,
  ghecSystem,
  githubSystem,
  kubernetesSystem,
  mariadb,
  mcpFilesystem,
  mcpMemory,
  nginx,
  nmap,
  nsd,
  oktaSystem,
  openssh,
  postgresql,
  powerdns,
  prometheus,
  rdapServer,
  rspamd,
  s3rver,
  slapd,
  smtpServer,
  sshAudit,
  sslscan,
  webhook,
  wireshark,
  workspaceFiles,
  yara,
];

const root = join(import.meta.dirname, "..");
const catalog = new Map<string, Contract>();
for (const file of globSync("catalog/*/*.yaml", { cwd: root })) {
  const contract = parseContract(readFileSync(join(root, file), "utf8"), { file });
  catalog.set(contract.id, contract);
}

/** The contract, and the one by which it is read back. */
function withReadBack(contract: Contract): Contract[] {
  const { confirm } = contract.execution;
  const back = confirm && [...catalog.values()].find((one) => referenceOf(one) === confirm.uses);
  return back === undefined || back === null ? [contract] : [contract, back];
}

/** What a call is about, as an engagement permits it. */
function targetsOf(contract: Contract, { inputs }: LiveCall): string[] {
  const checked = checkContractInputs(contract, inputs);
  if (!checked.ok) throw new Error(checked.faults.join("\n"));
  const action = resolveAction(contract, checked.inputs);
  if (!action.ok) throw new Error(action.faults.join("\n"));
  return action.subjects.map(({ kind, value }) => `${kind}:${value}`);
}

async function openFor(contract: Contract, call: LiveCall, folder: string): Promise<TestLane> {
  const targets = [...targetsOf(contract, call), "cidr:127.0.0.0/8"];
  const engagement = {
    scope: { include: targets },
    authorizations: [{ id: "letter", kind: "owner-record" as const, targets, grantedBy: "Acme" }],
    ...call.engagement,
  };
  const test = await openTestLane({ adapters, contracts: withReadBack(contract), engagement });
  return { ...test, lane: { ...test.lane, root: folder } };
}

/** Lets every approval that the run waits for be given, by people who are not who asked. */
async function approveAll(test: TestLane, lane: Lane, run: string): Promise<void> {
  for (const [principal, signer] of [
    ["anna", test.people.approver],
    ["olga", test.people.owner],
  ] as const) {
    const waiting = viewRun(lane, run).steps[0]?.waitingFor;
    if (waiting?.what !== "approval" || waiting.actionDigest === undefined) return;
    const { actionDigest } = waiting;
    await recordApproval(lane, run, await signApproval(signer, { principal, actionDigest }));
    await advance(lane, run);
  }
}

describe.each(systems)("$name", (system) => {
  const missing = system.missing();
  let running: RunningSystem | undefined;
  let home: TestLane | undefined;

  beforeAll(async () => {
    if (missing !== undefined) return;
    home = await openTestLane({ adapters: [], contracts: [] });
    running = await system.start(home.folder);
  }, 120_000);
  afterAll(async () => {
    await running?.close();
    home?.close();
  });

  it.each(system.contracts)(
    "%s is proof",
    async (id) => {
      if (missing !== undefined) {
        console.info(missing);
        return;
      }
      const contract = catalog.get(id);
      const call = running?.calls[id];
      if (contract === undefined || call === undefined || home === undefined)
        throw new Error(`no call of ${id}`);
      const test = await openFor(contract, call, home.folder);
      const { network = {}, secrets = {} } = running ?? {};
      const lane: Lane = {
        ...test.lane,
        openNetwork: (rules) => openNetwork({ ...rules, resolvers: network.resolvers ?? [], ...network }),
        resolveSecret: async (reference) => {
          const value = secrets[reference];
          return value === undefined ? { ok: false, message: `no ${reference}` } : { ok: true, value };
        },
      };
      try {
        const { inputs } = call;
        const runbook = implicitRunbook(contract, Object.keys(inputs), "olga", "internal", contract.purpose);
        const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
        if (!started.started) throw new Error(started.problems.join("; "));
        await advance(lane, started.run);
        await approveAll(test, lane, started.run);
        const report = await judge(test, [started.run], lane);
        expect(verdict(report)).toEqual(VALID);
        const [step] = report.steps;
        expect(step).toMatchObject({
          outcome: "executed",
          reasons: [],
          missing: [],
          proofClass: "strong-proof",
        });
        expect(step?.observed?.outputs).toMatchObject(call.outputs);
      } finally {
        test.close();
      }
    },
    60_000,
  );
});

it("marks just the contracts that are called here, as they are now", async () => {
  const contracts = Object.fromEntries(
    systems
      .flatMap(({ name, checked = "live", contracts: ids }) =>
        ids.map((id) => {
          const contract = catalog.get(id);
          if (contract === undefined) throw new Error(`the catalog has no ${id}`);
          const check = { digest: digestOfDocument(contract), checked, against: name };
          return [referenceOf(contract), check] as const;
        }),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const checks: CatalogChecks = { apiVersion: "witnessops/v1", kind: "CatalogChecks", contracts };
  await expect(`${JSON.stringify(checks, null, 2)}\n`).toMatchFileSnapshot("../catalog/checks.json");
});
