import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { styleText } from "node:util";
import {
  type BundleSource,
  type Opener,
  parseTrust,
  type ReceiptReport,
  refuseTrustFromBundle,
  renderReport,
  type Trust,
  tarBundle,
  type Verdict,
  verifyBundle,
  verifyReceipt,
} from "../verifier/index.ts";
import { fileSource, folderBundle, isInside } from "./bundle-folder.ts";
import { CliError, notFound, usage } from "./cli-error.ts";
import { argument, defineCommand, option, type Result, repeatedOption } from "./command.ts";
import { type Exit, exit } from "./exit.ts";
import type { Printer, Style } from "./output.ts";
import { readIdentity } from "./read-identity.ts";

const MAX_TRUST_BYTES = 16 * 1024 * 1024;
const EXITS: Record<Verdict, Exit> = { valid: exit.done, invalid: exit.refused, indeterminate: exit.waiting };
const STYLES: Record<Verdict, Style> = { valid: "good", invalid: "bad", indeterminate: "warn" };

export const command = defineCommand({
  parameters: {
    path: argument("a bundle (`.tar` or folder), or one receipt as a Sigstore bundle"),
    trust: option("--trust <file>", "your trust file; without it nothing can be better than indeterminate"),
    identity: option("--identity <file>", "an age identity file: opens what was sealed to it, and checks it"),
    certificate: repeatedOption(
      "--certificate <file>",
      "for one receipt: the issuer key's certificate, DSSE JSON",
    ),
  },
  example: "verify proof.tar --trust trust.json",
  async run({ path, trust: trustPath, identity, certificate }): Promise<Result> {
    if (!existsSync(path)) throw notFound(`there is nothing at \`${path}\``, "name a bundle or a receipt");
    const trustBytes = trustPath === undefined ? undefined : readTrustBytes(path, trustPath);
    const trust = trustBytes === undefined ? undefined : parseTrust(new TextDecoder().decode(trustBytes));
    if (certificate.length > 0 && (statSync(path).isDirectory() || !isReceipt(path)))
      throw usage("`--certificate` is for one receipt", "leave it out: a bundle brings its own");
    const open = identity === undefined ? undefined : await readIdentity(identity);
    if (statSync(path).isDirectory()) return verify(folderBundle(path), trust, trustBytes, open);
    const source = await fileSource(path);
    try {
      if (isReceipt(path)) {
        if (identity !== undefined)
          throw usage("`--identity` is for a bundle", "leave it out: a receipt holds no artifact");
        const certificates = certificate.map((file) => readFileSync(file));
        return receiptResult(await verifyReceipt(readFileSync(path), trust, certificates));
      }
      return await verify(tarBundle(source), trust, trustBytes, open);
    } finally {
      await source.close();
    }
  },
});

async function verify(
  source: BundleSource,
  trust: Trust | undefined,
  trustBytes: Uint8Array | undefined,
  open: Opener | undefined,
): Promise<Result> {
  if (trustBytes !== undefined && (await canList(source))) await refuseTrustFromBundle(source, trustBytes);
  const report = await verifyBundle(source, trust, open === undefined ? {} : { open });
  return {
    exit: EXITS[report.verdict],
    json: report,
    print(out) {
      const color = styleText("red", "", { stream: process.stdout }) !== "";
      const width = process.stdout.columns ?? 100;
      out.bytes(new TextEncoder().encode(renderReport(report, { color, width })));
    },
  };
}

/** What cannot be listed is for the verifier to report. */
async function canList(source: BundleSource): Promise<boolean> {
  try {
    await source.list();
    return true;
  } catch {
    return false;
  }
}

/** A trust file that came with what it should judge would let a bundle vouch for itself. */
function readTrustBytes(bundle: string, path: string): Uint8Array {
  if (!existsSync(path))
    throw notFound(`there is no trust file at \`${path}\``, `witnessops trust new ${path}`);
  if (statSync(bundle).isDirectory() && isInside(realpathSync(bundle), realpathSync(path))) {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `the trust file \`${path}\` lies inside the bundle that it should judge`,
      hint: "use a trust file of your own: `witnessops trust new`",
    });
  }
  if (statSync(path).size > MAX_TRUST_BYTES) {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `the trust file \`${path}\` is larger than 16 MiB`,
    });
  }
  return readFileSync(path);
}

/** Receipts are JSON objects; a tar never begins with a brace, since `{` may not stand in a bundle's paths. */
function isReceipt(path: string): boolean {
  return /\.jsonl?$/.test(path) || (statSync(path).size < 4 * 1024 * 1024 && readFileSync(path)[0] === 0x7b);
}

function receiptResult(report: ReceiptReport): Result {
  return { exit: EXITS[report.verdict], json: report, print: (out) => printReceiptReport(out, report) };
}

function printReceiptReport(out: Printer, report: ReceiptReport): void {
  out.line("verdict: ", { text: report.verdict, style: STYLES[report.verdict] });
  for (const reason of report.reasons) out.line(`  ${reason}`);
  out.pairs([
    ["receipt", report.digest],
    ["event", report.event],
    ["stream", report.stream === undefined ? undefined : `${report.stream}, ${report.seq}`],
    ["time", report.claimedUtc === undefined ? undefined : `${report.claimedUtc} (host's claim)`],
    ["signed by", report.keyId],
  ]);
  out.heading("about");
  out.table(
    ["subject", "sha256"],
    report.subjects.map(({ name, sha256 }) => [name, sha256]),
  );
  out.heading("what a receipt alone does not show");
  out.list([...report.notShown]);
  for (const { code, message } of report.failures) out.line({ text: code, style: "bad" }, `  ${message}`);
}
