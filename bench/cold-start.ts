import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCallWorkspace } from "./call-workspace.ts";
import { type Effort, type Line, medianOf } from "./figure.ts";
import { makeManyReceipts } from "./many-receipts.ts";

const PEER = "in-toto-run";

/**
 * The built package from outside, as processes: `--version`, and `verify` of a bundle of one run of five steps, all
 * layers, beside an empty program of Node.js; one whole `call` of a no-op `exec` contract beside Debian's `in-toto-run`
 * on the same tool. Taken in turn, median.
 */
export async function benchColdStart({ quick }: Effort): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-cold-"));
  try {
    const dist = join(folder, "dist");
    execFileSync(process.execPath, [join(import.meta.dirname, "..", "scripts", "build.ts"), dist]);
    const program = join(dist, "witnessops.mjs");
    const { workspace, call } = makeCallWorkspace(program, folder);
    const { bundle, trust } = makeManyReceipts(folder, 7, "short");
    const peer = makePeer(folder);
    const times = { node: [], version: [], call: [], verify: [], peer: [] } as Record<string, number[]>;
    for (let round = 0; round < (quick ? 3 : 15); round++) {
      times.node?.push(took(process.execPath, ["-e", "0"], folder));
      times.version?.push(took(process.execPath, [program, "--version"], folder));
      times.verify?.push(took(process.execPath, [program, "verify", bundle, "--trust", trust], folder));
      if (round % 2 === 1) continue;
      times.call?.push(took(process.execPath, [program, ...call], workspace));
      if (peer !== undefined) times.peer?.push(took(PEER, peer, folder));
    }
    const medians = ["node", "version", "verify", "call", "peer"].map((name) => medianOf(times[name] ?? []));
    const [node, version, verified, called, peered] = medians as [number, number, number, number, number];
    return [
      { id: "versionMs", name: "built `--version`", kind: "figure", value: version, unit: "ms" },
      { id: "nodeMs", name: "floor: `node -e 0`", kind: "floor", value: node, unit: "ms" },
      {
        id: "versionToNode",
        name: "`--version` over `node -e 0`",
        kind: "ratio",
        value: version / node,
        unit: "x",
        target: { atMost: 2 },
      },
      { id: "verifyMs", name: "built `verify` of five steps", kind: "figure", value: verified, unit: "ms" },
      {
        id: "verifyToNode",
        name: "`verify` of five steps over `node -e 0`",
        kind: "ratio",
        value: verified / node,
        unit: "x",
        target: { atMost: 6 },
      },
      { id: "callMs", name: "built `call` of a no-op", kind: "figure", value: called, unit: "ms" },
      ...peerLines(called, peer === undefined ? undefined : peered),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function peerLines(called: number, peered: number | undefined): Line[] {
  const name = "`call` over in-toto-run";
  if (peered === undefined) return [{ id: "callToInTotoRun", name, skipped: "needs in-toto" }];
  return [
    {
      id: "inTotoRunMs",
      name: "peer: in-toto-run of the same tool",
      kind: "floor",
      value: peered,
      unit: "ms",
    },
    {
      id: "callToInTotoRun",
      name,
      kind: "ratio",
      value: called / peered,
      unit: "x",
      target: { atMost: 1 },
    },
  ];
}

/** Arguments of the peer for the same tool, with its own key and streams recorded; undefined when it is not to be had. */
function makePeer(folder: string): string[] | undefined {
  if (!isPresent() && !install()) return undefined;
  execFileSync("in-toto-keygen", ["-t", "ed25519", "peer-key"], { cwd: folder, stdio: "ignore" });
  return [
    "--step-name",
    "noop",
    "--key",
    "peer-key",
    "--key-type",
    "ed25519",
    "--record-streams",
    "--",
    "true",
  ];
}

function isPresent(): boolean {
  return spawnSync(PEER, ["--version"], { stdio: "ignore" }).status === 0;
}

/** In a container, where one is root and Debian's package is at hand, the peer is installed for the measurement. */
function install(): boolean {
  if (process.getuid?.() !== 0) return false;
  const words = ["install", "-y", "-qq", "--no-install-recommends", "in-toto"];
  const options = {
    stdio: "ignore",
    timeout: 60_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  } as const;
  return spawnSync("apt-get", words, options).status === 0 && isPresent();
}

/** Milliseconds from start to exit of a command that must succeed. */
function took(command: string, words: readonly string[], cwd: string): number {
  const began = performance.now();
  const { status, error, stderr } = spawnSync(command, words, { cwd, env: { PATH: process.env.PATH } });
  const millis = performance.now() - began;
  if (status !== 0) throw new Error(`${command} ${words.join(" ")} failed: ${error ?? stderr}`);
  return millis;
}
