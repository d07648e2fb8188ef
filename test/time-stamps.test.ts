// Whole command lines with OpenSSL as the time stamping authority: stamped runs, an authority that is down, a promise
// that cannot be kept, several authorities; and the tokens checked by tools that are not ours.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFromJSON, type SerializedBundle } from "@sigstore/bundle";
import { X509Certificate } from "@sigstore/core";
import { toSignedEntity, Verifier } from "@sigstore/verify";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import { fromBase64 } from "../src/format/base64.ts";
import { certificatesFromPem } from "../src/format/pem.ts";
import { parseTimestampResponse } from "../src/format/timestamp-response.ts";
import { type OpensslAuthority, startAuthority } from "./fixtures/openssl-authority.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const root = join(import.meta.dirname, "..");
const missing = needProgram("openssl", "openssl");
if (missing !== undefined) console.log(missing);

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe.skipIf(missing !== undefined)("time-stamps", () => {
  let one: OpensslAuthority;
  let two: OpensslAuthority;
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(async () => {
    [one, two] = await Promise.all([
      startAuthority("one"),
      startAuthority("two", { key: ["EC", "ec_paramgen_curve:P-256"] }),
    ]);
  });
  afterAll(() => Promise.all([one?.remove(), two?.remove()]));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-time-"));
    one.behave("honest");
    two.behave("honest");
    return () => rmSync(folder, { recursive: true, force: true });
  });

  /** Servers of this process answer meanwhile. */
  const witnessops = (...words: string[]): Promise<Ended> =>
    new Promise((resolve) => {
      const child = spawn(join(root, "witnessops"), words, {
        cwd: folder,
        env: { ...process.env, NO_COLOR: "1" },
      });
      const text = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const)
        child[name].on("data", (chunk: Buffer) => {
          text[name] += chunk;
        });
      child.on("close", (status) => resolve({ status, ...text }));
    });
  const done = async (...words: string[]): Promise<Ended> => {
    const ended = await witnessops(...words);
    expect([words, ended.status, ended.stderr, ended.stdout]).toEqual([words, 0, ended.stderr, ended.stdout]);
    return ended;
  };

  async function makeWorkspace(time: string): Promise<void> {
    await done("init", "ws", "--owner", "ana", "--owner-key", "ana.pem", "--name", "demo");
    copyFileSync(join(root, "examples/messages/suspicious-invoice.eml"), at("ws/mail.eml"));
    copyFileSync(one.root, at("ws/one.pem"));
    copyFileSync(two.root, at("ws/two.pem"));
    writeFileSync(at("ws/witnessops.yaml"), `${readFileSync(at("ws/witnessops.yaml"), "utf8")}\n${time}`);
    await done("-C", "ws", "engagement", "new", "mail", "--include", "file:*");
    await done("-C", "ws", "engagement", "authorize", "mail", "--key", "ana.pem");
    const { stdout } = await done("-C", "ws", "key", "export", "issuer-root");
    await done("trust", "new", "trust.json");
    await done(
      "trust",
      "add",
      "trust.json",
      "--issuer-root",
      "demo",
      "--public-key",
      stdout.trim().split("\n").at(-1) ?? "",
    );
    await done(
      "trust",
      "add",
      "trust.json",
      "--principal",
      "ana",
      "--role",
      "owner",
      "--role",
      "operator",
      "--public-key",
      "ana.pem.pub",
    );
  }
  const call = async (): Promise<{ run: string; stderr: string }> => {
    const { stdout, stderr } = await done(
      "-C",
      "ws",
      "call",
      "mail.triage",
      "--with",
      "path=mail.eml",
      "--json",
    );
    return { run: JSON.parse(stdout).run, stderr };
  };
  const authorities = (promise: boolean, threshold = 1) => `time:
  promise: ${promise}
  threshold: ${threshold}
  authorities:
    - { name: one, url: "${one.url}", certificates: one.pem }
    - { name: two, url: "${two.url}", certificates: two.pem }
`;
  const only = (promise: boolean) => `time:
  promise: ${promise}
  authorities:
    - { name: one, url: "${one.url}", certificates: one.pem }
`;

  it("are had when a run opens and closes, and for the claim; the run is bounded", async () => {
    await makeWorkspace(only(true));
    const { run, stderr } = await call();
    expect(stderr).not.toContain("not stamped");
    expect((await done("-C", "ws", "run", "show", run)).stdout).toMatch(
      /run-opened +one\n +run-closed +one|run-opened +one\nrun-closed +one/,
    );
    await done("-C", "ws", "bundle", "export", run, "-o", "proof");
    const foreign = await witnessops("verify", "proof", "--trust", "trust.json");
    expect([foreign.status, foreign.stdout]).toEqual([
      3,
      expect.stringContaining("0 of 1 time-stamps by trusted authorities"),
    ]);
    const added = await done("trust", "add", "trust.json", "--time-authority", `one=${one.root}`);
    expect(added.stdout).toContain("time-stamps  by 1 of 1");
    const { stdout } = await done("verify", "proof", "--trust", "trust.json", "--json");
    const report = JSON.parse(stdout);
    expect(report.verdict).toBe("valid");
    expect(report.runs[0].time).toMatchObject({ bound: "bounded" });
    expect(report.steps[0].time.bound).toBe("bounded");
    expect((await done("verify", "proof", "--trust", "trust.json")).stdout).toContain("bounded: not after");

    await checkWithOthers(one);
  });

  /** Every token of the bundle, judged by `openssl ts -verify`; every stamped statement, by Sigstore's verifier. */
  async function checkWithOthers(authority: OpensslAuthority): Promise<void> {
    const lines = readFileSync(at("proof/receipts/receipts.ndjson"), "utf8").trimEnd().split("\n");
    const bundles: SerializedBundle[] = [readFileSync(at("proof/CLAIM.sigstore.json"), "utf8"), ...lines].map(
      (line) => JSON.parse(line),
    );
    const tokensOf = ({ verificationMaterial }: SerializedBundle) =>
      verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
    const stamped = bundles.filter((bundle) => tokensOf(bundle).length > 0);
    expect(stamped).toHaveLength(3);
    for (const bundle of stamped) {
      const sig = fromBase64(bundle.dsseEnvelope?.signatures[0]?.sig ?? "");
      const token = fromBase64(tokensOf(bundle)[0]?.signedTimestamp ?? "");
      writeFileSync(at("sig"), sig);
      writeFileSync(at("token"), token);
      const verify = () =>
        spawnSync(
          "openssl",
          ["ts", "-verify", "-in", at("token"), "-data", at("sig"), "-CAfile", authority.root],
          { encoding: "utf8" },
        );
      expect(verify().stdout).toContain("Verification: OK");
      expect(judge(bundle, token, authority)).toBe("accepted");
      sig[0] = (sig[0] ?? 0) ^ 1;
      writeFileSync(at("sig"), sig);
      expect(verify().status).not.toBe(0);
    }
    expect(judge(stamped[0] as SerializedBundle, undefined, two)).toBe("TIMESTAMP_ERROR");
  }

  function judge(
    bundle: SerializedBundle,
    token: Uint8Array | undefined,
    authority: OpensslAuthority,
  ): string {
    const files = [authority.intermediate, authority.root].flatMap((path) =>
      certificatesFromPem(readFileSync(path, "utf8")),
    );
    const signer = token === undefined ? [] : parseTimestampResponse(token).certificates.slice(0, 1);
    const certChain = [...signer, ...files.map(({ der }) => der)].map((der) =>
      X509Certificate.parse(Buffer.from(der)),
    );
    const validFor = { start: new Date(0), end: new Date("2100-01-01") };
    const keys = readCertifiedKeys();
    const verifier = new Verifier(
      {
        certificateAuthorities: [],
        tlogs: [],
        ctlogs: [],
        timestampAuthorities: [{ certChain, validFor }],
        publicKey: (hint) => ({
          publicKey: createPublicKey({ key: keys.get(hint) ?? Buffer.alloc(0), format: "der", type: "spki" }),
          validFor: () => true,
        }),
      },
      { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 1 },
    );
    try {
      verifier.verify(toSignedEntity(bundleFromJSON(bundle)));
      return "accepted";
    } catch (error) {
      return String(Reflect.get(error as Error, "code") ?? error);
    }
  }

  /** The issuer keys that the bundle certifies, by id. */
  function readCertifiedKeys(): Map<string, Buffer> {
    const folderOf = at("proof/definitions/key-certificate");
    const names = execFileSync("ls", [folderOf], { encoding: "utf8" }).trim().split("\n");
    return new Map(
      names.map((name) => {
        const { payload } = JSON.parse(readFileSync(join(folderOf, name), "utf8"));
        const { predicate } = JSON.parse(Buffer.from(payload, "base64").toString());
        return [predicate.keyId, Buffer.from(predicate.publicKey, "base64")];
      }),
    );
  }

  it("wait while the authority is down: work goes on, it is said, and they are had later", async () => {
    await makeWorkspace(only(true));
    await one.stop();
    try {
      const { run, stderr } = await call();
      expect(stderr).toMatch(/not stamped by one: not reached: ECONNREFUSED/);
      expect(stderr).toMatch(/2 receipts lack a time-stamp: `witnessops receipt stamp`/);
      expect((await done("-C", "ws", "run", "show", run)).stdout).toContain(
        "nobody yet: `witnessops receipt stamp`",
      );
      const doctor = await done("-C", "ws", "doctor");
      expect(doctor.stdout).toMatch(
        /warning +time by one +not reached: ECONNREFUSED; what it lacks is stamped later/,
      );
      expect(doctor.stdout).toMatch(/warning +time-stamps +2 receipts lack a time-stamp/);
      const waiting = await witnessops("-C", "ws", "receipt", "stamp");
      expect([waiting.status, waiting.stdout]).toEqual([
        3,
        expect.stringMatching(/0 tokens; 2 receipts still lack one/),
      ]);

      const refused = await witnessops("-C", "ws", "bundle", "export", run, "-o", "proof.tar");
      expect([refused.status, existsSync(at("proof.tar"))]).toEqual([1, false]);
      expect(refused.stderr).toMatch(
        /error: run `.+` promised time-stamps that are not to be had now: `one`: not reached/,
      );
      expect(refused.stderr).toMatch(/hint: .*witnessops receipt stamp/);

      await one.start();
      expect((await done("-C", "ws", "receipt", "stamp")).stdout).toContain(
        "2 tokens; 0 receipts still lack one",
      );
      const before = one.requests();
      expect((await done("-C", "ws", "receipt", "stamp")).stdout).toContain("0 tokens; 0 receipts");
      expect(one.requests()).toBe(before);
      await done("-C", "ws", "bundle", "export", run, "-o", "proof.tar");
      await done("trust", "add", "trust.json", "--time-authority", `one=${one.root}`);
      await done("verify", "proof.tar", "--trust", "trust.json");
    } finally {
      await one.stop();
      await one.start();
    }
  });

  it("are not kept when they are somebody else's, or for other bytes", async () => {
    await makeWorkspace(
      `time:\n  authorities:\n    - { name: one, url: "${one.url}", certificates: two.pem }\n`,
    );
    const { run, stderr } = await call();
    expect(stderr).toContain(
      "not stamped by one: its signer is not of the authority that the workspace names",
    );
    const exported = await done("-C", "ws", "bundle", "export", run, "-o", "proof");
    expect(exported.stderr).toContain("the claim is not stamped by `one`");
    const report = JSON.parse((await done("verify", "proof", "--trust", "trust.json", "--json")).stdout);
    expect(report.layers.find(({ layer }: { layer: string }) => layer === "timestamps").internal).toBe(
      "not-present",
    );
    expect(report.runs[0].time.bound).toBe("host-asserted");
  });

  it("of several authorities: one that is down does not hold up what the others give", async () => {
    await makeWorkspace(authorities(true, 1));
    two.behave("fails");
    const { run, stderr } = await call();
    expect(stderr).toContain("not stamped by two: it answered with status 503");
    const exported = await done("-C", "ws", "bundle", "export", run, "-o", "proof");
    expect(exported.stderr).toContain("not stamped by `two`");
    await done("trust", "add", "trust.json", "--time-authority", `one=${one.root}`);
    await done("trust", "add", "trust.json", "--time-authority", `two=${two.root}`);
    const trust = JSON.parse(readFileSync(at("trust.json"), "utf8"));
    writeFileSync(at("both.json"), JSON.stringify({ ...trust, timeThreshold: 2 }));
    await done("verify", "proof", "--trust", "trust.json");
    const open = await witnessops("verify", "proof", "--trust", "both.json");
    expect([open.status, open.stdout]).toEqual([
      3,
      expect.stringContaining("1 of 2 time-stamps by trusted authorities"),
    ]);
    two.behave("honest");
    await done("-C", "ws", "bundle", "export", run, "-o", "later");
    await done("verify", "later", "--trust", "both.json");
  });

  it("promised by more authorities than stamp stop the export", async () => {
    await makeWorkspace(authorities(true, 2));
    two.behave("fails");
    const { run } = await call();
    const refused = await witnessops("-C", "ws", "bundle", "export", run, "-o", "proof");
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining("`two`: it answered with status 503"),
    ]);
    two.behave("honest");
    await done("-C", "ws", "bundle", "export", run, "-o", "proof");
  });

  it("are asked for where the workspace says, and nothing else", async () => {
    const refusals: [string, RegExp][] = [
      [`time:\n  authorities: [{ name: a, url: "ftp://x" }]\n`, /url/],
      [`time:\n  authorities: [{ name: a, url: "https://user:secret@x/" }]\n`, /url/],
      [`time:\n  threshold: 2\n  authorities: [{ name: a, url: "https://x/" }]\n`, /only 1 authorities/],
      [
        `time:\n  authorities: [{ name: a, url: "https://x/" }, { name: a, url: "https://y/" }]\n`,
        /occurs twice/,
      ],
      [
        `time:\n  authorities: [{ name: a, url: "https://x/", certificates: mail.eml }]\n`,
        /no certificate in it/,
      ],
    ];
    await makeWorkspace("");
    const plain = readFileSync(at("ws/witnessops.yaml"), "utf8");
    const none = await witnessops("-C", "ws", "receipt", "stamp");
    expect([none.status, none.stderr]).toEqual([
      1,
      expect.stringMatching(/names no time stamping authority\nhint: /),
    ]);
    for (const [time, why] of refusals) {
      writeFileSync(at("ws/witnessops.yaml"), plain + time);
      const refused = await witnessops("-C", "ws", "call", "mail.triage", "--with", "path=mail.eml");
      expect([time, refused.status]).toEqual([time, expect.any(Number)]);
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(why);
      expect(refused.stderr).not.toMatch(/^\s+at .+:\d+|internal fault/m);
    }
    writeFileSync(at("bad.pem"), "nothing");
    for (const [words, why] of [
      [["--time-authority", "one"], /is not `name=file`/],
      [["--time-authority", "one=none.pem"], /no file `none.pem`/],
      [["--time-authority", "one=bad.pem"], /no certificate in it/],
      [["--time-authority", `one=${one.root}`, "--public-key", "ana.pem.pub"], /brings its own keys/],
      [["--principal", "bo"], /`--public-key <key>` is missing/],
    ] as const) {
      const refused = await witnessops("trust", "add", "trust.json", ...words);
      expect([words, refused.status === 0, refused.stderr]).toEqual([
        words,
        false,
        expect.stringMatching(why),
      ]);
    }
  });
});
