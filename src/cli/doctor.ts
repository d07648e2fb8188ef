import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { offerIsolation } from "../adapters/exec/offer-isolation.ts";
import { referenceOf } from "../contract/contract.ts";
import { isolationText } from "../contract/isolation-text.ts";
import { CodedError } from "../format/coded-error.ts";
import { parseNoteKey } from "../format/signed-note.ts";
import { checkPolicies } from "../gate/check-policies.ts";
import { wantsIsolation } from "../gate/hold-tool.ts";
import { comparePublished } from "../ledger/make-checkpoint.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { ACTIVE_LOG } from "../run/record-governance.ts";
import { openArtifactFolder } from "../store/artifact-folder.ts";
import { lookForArtifacts } from "../store/look-for-artifacts.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { type Context, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { openWorkspace } from "./open-definitions.ts";
import { ledgerPath, openLedger } from "./open-ledger.ts";
import { logFolders } from "./open-log.ts";
import { openTime } from "./open-time.ts";
import type { Style } from "./output.ts";
import { workspaceRoot } from "./workspace-root.ts";

/** One thing that was looked at. */
interface Check {
  readonly what: string;
  readonly state: "ok" | "warning" | "fault";
  readonly detail: string;
}

const STYLES: Record<Check["state"], Style> = { ok: "good", warning: "warn", fault: "bad" };

export const command = defineCommand({
  parameters: {},
  example: "doctor",
  async run(_given, context) {
    const checks = [...checkHost(), ...(await checkWorkspace(context))];
    const healthy = checks.every(({ state }) => state !== "fault");
    return {
      exit: healthy ? exit.done : exit.refused,
      json: { healthy, checks },
      print(out) {
        out.table(
          [],
          checks.map(({ what, state, detail }) => [{ text: state, style: STYLES[state] }, what, detail]),
        );
      },
    };
  },
});

function checkHost(): Check[] {
  const major = Number(process.versions.node.split(".")[0]);
  return [
    verdict("Node.js", major >= 24, process.version, "24 or newer is needed"),
    verdict(
      "SQLite",
      process.versions.sqlite !== undefined,
      process.versions.sqlite ?? "",
      "this Node.js has none",
    ),
  ];
}

async function checkWorkspace(context: Context): Promise<Check[]> {
  let root: string;
  try {
    root = workspaceRoot(context);
  } catch (error) {
    return [{ what: "workspace", state: "warning", detail: (error as Error).message }];
  }
  const definitions = openWorkspace(root);
  const checks: Check[] = [];
  for (const check of [
    checkPermissions,
    checkLedger,
    checkLog,
    checkLock,
    checkPolicySet,
    checkTools,
    checkIsolation,
    checkTime,
  ]) {
    checks.push(...(await guarded(check, definitions)));
  }
  return [{ what: "workspace", state: "ok", detail: root }, ...checks];
}

/** A check that cannot even be made is a fault of what it looks at. */
async function guarded(
  check: (definitions: WorkspaceDefinitions) => Promise<Check[]> | Check[],
  definitions: WorkspaceDefinitions,
): Promise<Check[]> {
  try {
    return await check(definitions);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const what = check.name.replace("check", "").toLowerCase();
    return [{ what, state: "fault", detail: error.message.split("\n").join("; ") }];
  }
}

function checkPermissions({ root }: WorkspaceDefinitions): Check[] {
  const hidden = join(root, ".witnessops");
  const keys = join(hidden, "keys");
  if (!existsSync(hidden))
    return [{ what: "permissions", state: "fault", detail: "`.witnessops` is missing" }];
  const paths = [
    hidden,
    keys,
    ...(existsSync(keys) ? readdirSync(keys).map((name) => join(keys, name)) : []),
    ledgerPath(root),
  ];
  const open = paths.filter((path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0);
  const hint = `chmod go= ${open.join(" ")}`;
  return [verdict("permissions", process.platform === "win32" || open.length === 0, "private", hint)];
}

async function checkLedger({ root }: WorkspaceDefinitions): Promise<Check[]> {
  const store = openLedger(root);
  try {
    const faults = store.checkIntegrity();
    if (faults.length > 0) {
      // What a damaged ledger says about anything else is not worth reading.
      return [
        { what: "ledger", state: "fault", detail: `${faults.join("; ")}; keep the file, restore a backup` },
      ];
    }
    const files = openArtifactFolder(join(root, ".witnessops", "artifacts"));
    let newest = "";
    let receipts = 0;
    for (const stream of store.streams("")) {
      for (const { payload } of store.receipts(stream)) {
        receipts += 1;
        const { claimedUtc } = readReceipt(payload).predicate.time;
        if (claimedUtc > newest) newest = claimedUtc;
      }
    }
    const { missing, back } = await lookForArtifacts(store, files);
    const now = new Date().toISOString();
    return [
      { what: "ledger", state: "ok", detail: `${receipts} receipts` },
      verdict("artifacts", missing.length === 0, "all present", `missing: ${missing.join(", ")}`),
      ...(back.length === 0 ? [] : [stillThere(back)]),
      verdict(
        "clock",
        newest <= now,
        now,
        `it is ${now}, and a receipt says ${newest}: the clock ran backwards`,
      ),
    ];
  } finally {
    store.close();
  }
}

function stillThere(artifacts: readonly string[]): Check {
  const detail = `their bytes are here: ${artifacts.join(", ")}; \`witnessops artifact retire\` them again`;
  return { what: "retired", state: "warning", detail };
}

/** Whether what is published is what the ledger has; `witnessops log audit` looks at all of it. */
async function checkLog(definitions: WorkspaceDefinitions): Promise<Check[]> {
  const { root } = definitions;
  const { log: config } = definitions.workspace();
  const store = openLedger(root);
  try {
    const active = store.status(ACTIVE_LOG);
    if (config === undefined) {
      if (active === undefined) return [];
      return [
        { what: "log", state: "warning", detail: "the workspace had one, and witnessops.yaml names none" },
      ];
    }
    if (active === undefined)
      return [
        {
          what: "log",
          state: "warning",
          detail: `${config.origin} has not begun: \`witnessops log checkpoint\``,
        },
      ];
    const key = parseNoteKey(active);
    if (key.name !== config.origin)
      return [
        {
          what: "log",
          state: "fault",
          detail: `it is ${key.name}, and witnessops.yaml names ${config.origin}`,
        },
      ];
    const sizes: number[] = [];
    for (const folder of logFolders(root, { log: config }))
      sizes.push(await comparePublished({ key, store: store.log }, folder));
    const pending = store.log.pending();
    const detail = `${key.name}, ${Math.min(...sizes)} entries published, ${pending} not logged yet`;
    return [{ what: "log", state: pending > 0 ? "warning" : "ok", detail }];
  } finally {
    store.close();
  }
}

function checkLock(definitions: WorkspaceDefinitions): Check[] {
  const locked = definitions.lock().contracts;
  const entries = definitions.contracts();
  const state = (reference: string): string | undefined =>
    entries.find(({ contract }) => referenceOf(contract) === reference)?.digest;
  const lost = Object.keys(locked).filter((reference) => state(reference) === undefined);
  const changed = Object.keys(locked).filter((one) => state(one) !== undefined && state(one) !== locked[one]);
  const open = entries.map(({ contract }) => referenceOf(contract)).filter((one) => !(one in locked));
  const problems = [
    ...lost.map((one) => `${one} is locked and missing`),
    ...changed.map((one) => `${one} differs from the lock`),
  ];
  const checks = [
    verdict("catalog lock", problems.length === 0, `${entries.length} contracts`, problems.join("; ")),
  ];
  if (open.length > 0)
    checks.push({ what: "catalog lock", state: "warning", detail: `not locked: ${open.join(", ")}` });
  return checks;
}

async function checkPolicySet(definitions: WorkspaceDefinitions): Promise<Check[]> {
  const policies = definitions.policies();
  const faults = await checkPolicies(policies);
  const detail = faults.map(({ policy, message }) => `${policy}: ${message}`).join("; ");
  return [
    verdict("policies", faults.length === 0, `${Object.keys(policies.policies).length} policies`, detail),
  ];
}

/** Programs that adapters run, whatever their contracts say. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  git: ["git"],
  ssh: ["ssh", "ssh-agent", "ssh-add"],
};

/** Programs that adapters need or that contracts of the `exec` adapter name literally, and where they are. */
function checkTools(definitions: WorkspaceDefinitions): Check[] {
  const programs = new Map<string, string[]>();
  for (const { contract } of definitions.contracts()) {
    const { adapter, with: parameters } = contract.execution;
    const literal = /^'([^']+)'$/.exec(String(parameters.command))?.[1];
    const needed = PROGRAMS[adapter] ?? (adapter === "exec" && literal !== undefined ? [literal] : []);
    for (const one of needed) programs.set(one, [...(programs.get(one) ?? []), referenceOf(contract)]);
  }
  return [...programs].sort().map(([program, users]) => {
    const found = whereIs(program, definitions.root);
    if (found !== undefined) return { what: `tool ${program}`, state: "ok", detail: found };
    return { what: `tool ${program}`, state: "warning", detail: `not found; needed by ${users.join(", ")}` };
  });
}

/** What this host can hold tools with, where a contract asks for it. */
async function checkIsolation(definitions: WorkspaceDefinitions): Promise<Check[]> {
  const wanting = definitions.contracts().filter(({ contract }) => wantsIsolation(contract.execution));
  const required = wanting.filter(({ contract }) => contract.execution.isolation === "required");
  if (wanting.length === 0) return [];
  const offer = await offerIsolation(definitions.root);
  const what = "isolation";
  if ("held" in offer) return [{ what, state: "ok", detail: isolationText(offer.held) }];
  const references = required.map(({ contract }) => referenceOf(contract)).join(", ");
  const detail =
    required.length === 0
      ? `${offer.refused}: tools run unguarded`
      : `${offer.refused}: tools run unguarded, and these are denied: ${references}`;
  return [{ what, state: "warning", detail }];
}

const STAMP_DEADLINE = 5_000;

/** Whether each time stamping authority stamps, and what still lacks a token. */
async function checkTime(definitions: WorkspaceDefinitions): Promise<Check[]> {
  const time = openTime(definitions);
  if (time === undefined) return [];
  const asked = time.authorities.map(async ({ name, stamp }): Promise<Check> => {
    const answer = await stamp(new Uint8Array(randomBytes(64)), STAMP_DEADLINE);
    const what = `time by ${name}`;
    if (!answer.ok)
      return { what, state: "warning", detail: `${answer.why}; what it lacks is stamped later` };
    return { what, state: "ok", detail: `it stamps; not after ${new Date(answer.notAfter).toISOString()}` };
  });
  const store = openLedger(definitions.root);
  try {
    const lacking = new Set(time.authorities.flatMap(({ name }) => store.unstamped(name)));
    const detail = `${lacking.size} receipts lack a time-stamp: \`witnessops receipt stamp\``;
    const pending: Check = { what: "time-stamps", state: "warning", detail };
    return [...(await Promise.all(asked)), ...(lacking.size === 0 ? [] : [pending])];
  } finally {
    store.close();
  }
}

function whereIs(program: string, root: string): string | undefined {
  if (program.includes("/")) return existsSync(join(root, program)) ? join(root, program) : undefined;
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function verdict(what: string, isFine: boolean, fine: string, otherwise: string): Check {
  return { what, state: isFine ? "ok" : "fault", detail: isFine ? fine : otherwise };
}
