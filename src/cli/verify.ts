import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { styleText } from "node:util";
import { type ByteSource, collectBytes } from "../format/byte-source.ts";
import { digestOf } from "../format/digest.ts";
import {
  type BundleSource,
  defaultLimits,
  parseTrust,
  type ReceiptReport,
  type ReportContext,
  receiptView,
  renderReport,
  reportPage,
  reportView,
  type Trust,
  tarBundle,
  type Verdict,
  type VerifyOptions,
  type ViewElement,
  verifyBundle,
  verifyReceipt,
} from "../verifier/index.ts";
import { timeText } from "../verifier/time-text.ts";
import { fileSource, folderBundle, isInside } from "./bundle-folder.ts";
import { exitOf } from "./bundle-input.ts";
import { CliError, notFound, refused, usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, type Result, repeatedOption } from "./command.ts";
import type { Printer, Style } from "./output.ts";
import { readIdentity } from "./read-identity.ts";
import { readTrustBytes, refuseOwnTrust } from "./trust-for-bundle.ts";
import { writeNewFile } from "./write-file.ts";

const MAX_CERTIFICATE_BYTES = 1024 * 1024;
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
    throughLog: flag(
      "--through-log",
      "take the log's word for receipts that are in it instead of checking each signature: faster, indeterminate at best",
    ),
    html: option("--html <file>", "write the report as one self-contained page, too"),
  },
  example: "verify proof.tar --trust trust.json",
  async run({ path, trust: trustPath, identity, certificate, throughLog, html }): Promise<Result> {
    if (!existsSync(path)) throw notFound(`there is nothing at \`${path}\``, "name a bundle or a receipt");
    const trustBytes = trustPath === undefined ? undefined : readTrustBytes(path, trustPath);
    const trust = trustBytes === undefined ? undefined : parseTrust(new TextDecoder().decode(trustBytes));
    if (certificate.length > 0 && (statSync(path).isDirectory() || !isReceipt(path)))
      throw usage("`--certificate` is for one receipt", "leave it out: a bundle brings its own");
    const page = html === undefined ? undefined : pageWriter(html, path, trustPath, trustBytes);
    const options: VerifyOptions = {
      ...(throughLog ? { throughLog } : {}),
      ...(identity === undefined ? {} : { open: await readIdentity(identity) }),
    };
    if (statSync(path).isDirectory()) return verify(folderBundle(path), trust, trustBytes, page, options);
    const source = fileSource(path);
    try {
      if (isReceipt(path)) {
        if (throughLog)
          throw usage("`--through-log` is for a bundle", "leave it out: a receipt is one signature");
        if (identity !== undefined)
          throw usage("`--identity` is for a bundle", "leave it out: a receipt holds no artifact");
        const certificates = certificate.map(readCertificateFile);
        const report = await verifyReceipt(await startOf(source), trust, certificates);
        page?.((context) => receiptView(report, context));
        return receiptResult(report, page);
      }
      return await verify(tarBundle(source), trust, trustBytes, page, options);
    } finally {
      source.close();
    }
  },
});

/** A receipt, or so much of a larger file that the verifier sees that it is none. */
function startOf(source: ByteSource): Promise<Uint8Array> {
  const size = Math.min(source.size, defaultLimits.maxLineBytes + 1);
  return collectBytes(source.read(0, size), size);
}

function readCertificateFile(file: string): Uint8Array {
  if (statSync(file).size <= MAX_CERTIFICATE_BYTES) return readFileSync(file);
  throw new CliError({
    code: "INPUT_MALFORMED",
    message: `a certificate is too large: \`${file}\``,
    hint: "name a file of `definitions/key-certificate/` of the workspace's bundles",
  });
}

/** Writes a report as a page and says where. */
type PageWriter = ((view: (context: ReportContext) => ViewElement) => void) & { readonly written: string };

/** Refuses before anything is verified what could not be written after it. */
function pageWriter(
  file: string,
  path: string,
  trustPath: string | undefined,
  trustBytes: Uint8Array | undefined,
): PageWriter {
  if (existsSync(file))
    throw refused(`there is already a file at \`${file}\``, "name another path, or remove it first");
  if (statSync(path).isDirectory() && isInside(path, file))
    throw usage(
      `\`${file}\` lies inside the bundle`,
      "a report is no part of what it reports on: write it elsewhere",
    );
  const trust =
    trustPath === undefined || trustBytes === undefined
      ? undefined
      : { name: basename(trustPath), digest: digestOf(trustBytes) };
  const context = { subject: basename(resolve(path)), trust };
  const write = (view: (context: ReportContext) => ViewElement): void =>
    writeNewFile(file, reportPage(view(context), context.subject));
  return Object.assign(write, { written: `the report is written to ${file}` });
}

async function verify(
  source: BundleSource,
  trust: Trust | undefined,
  trustBytes: Uint8Array | undefined,
  page: PageWriter | undefined,
  options: VerifyOptions,
): Promise<Result> {
  await refuseOwnTrust(source, trustBytes);
  const report = await verifyBundle(source, trust, options);
  page?.((context) => reportView(report, context));
  return {
    exit: exitOf[report.verdict],
    json: report,
    print(out) {
      const color = styleText("red", "", { stream: process.stdout }) !== "";
      const width = process.stdout.columns ?? 100;
      out.bytes(new TextEncoder().encode(renderReport(report, { color, width })));
      if (page !== undefined) out.line(page.written);
    },
  };
}

/** Receipts are JSON objects; a tar never begins with a brace, since `{` may not stand in a bundle's paths. */
function isReceipt(path: string): boolean {
  return /\.jsonl?$/.test(path) || (statSync(path).size < 4 * 1024 * 1024 && readFileSync(path)[0] === 0x7b);
}

function receiptResult(report: ReceiptReport, page: PageWriter | undefined): Result {
  return {
    exit: exitOf[report.verdict],
    json: report,
    print(out) {
      printReceiptReport(out, report);
      if (page !== undefined) out.line(page.written);
    },
  };
}

function printReceiptReport(out: Printer, report: ReceiptReport): void {
  out.line("verdict: ", { text: report.verdict, style: STYLES[report.verdict] });
  for (const reason of report.reasons) out.line(`  ${reason}`);
  out.pairs([
    ["receipt", report.digest],
    ["event", report.event],
    ["stream", report.stream === undefined ? undefined : `${report.stream}, ${report.seq}`],
    ["time", report.time === undefined ? undefined : timeText(report.time)],
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
