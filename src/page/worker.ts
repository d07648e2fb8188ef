import { toHex } from "../format/base64.ts";
import { sha256 } from "../format/crypto.ts";
import {
  type BundleSource,
  defaultLimits,
  parseTrust,
  type ReportContext,
  receiptView,
  refuseTrustFromBundle,
  reportPage,
  reportView,
  type Trust,
  tarBundle,
  type ViewElement,
  type ViewLimits,
  verifyBundle,
  verifyReceipt,
} from "../verifier/index.ts";
import { blobSource, fileListBundle, watched } from "./blob-source.ts";
import type { Answer, Order, Subject } from "./messages.ts";

const MAX_TRUST_BYTES = 16 * 1024 ** 2;
const MAX_CERTIFICATE_BYTES = 1024 ** 2;
const MAX_RECEIPT_BYTES = 4 * 1024 ** 2;
/** Rows of a table that the page shows: nobody reads a hundred thousand rows. The files have all. */
const SHOWN: ViewLimits = { maxRows: 100 };

// Verifies off the page's own thread, which stays free. One order at a time: cancelling ends the worker.
addEventListener("message", ({ data }: MessageEvent<Order>) => {
  verify(data).then(answer, (error: unknown) => answer(refusal(error)));
});

async function verify({ subject, trust: trustFile, certificates }: Order): Promise<Answer> {
  await needEd25519();
  const trust = trustFile === undefined ? undefined : await readTrust(trustFile);
  const context: ReportContext = {
    subject: subject.name,
    trust: trust && { name: trust.name, digest: `sha256:${toHex(sha256(trust.bytes))}` },
  };
  if (subject.kind === "file" && (await isReceipt(subject.file))) {
    // So much of a larger file that the verifier sees that it is no receipt.
    const bytes = await bytesOf(subject.file.slice(0, defaultLimits.maxLineBytes + 1));
    const report = await verifyReceipt(
      bytes,
      trust?.value,
      await Promise.all(certificates.map(readCertificate)),
    );
    return reported(report, (limits) => receiptView(report, context, limits), subject.name);
  }
  if (certificates.length > 0)
    throw new PageError(
      "USAGE",
      "certificates are for a single receipt",
      "remove them: a bundle brings its own",
    );
  const source = await progressing(bundleOf(subject), trust === undefined ? 1 : 2);
  if (trust !== undefined) await refuseTrustFromBundle(source, trust.bytes);
  const report = await verifyBundle(source, trust?.value, {
    onLayer: (layer) => answer({ kind: "layer", layer }),
  });
  return reported(report, (limits) => reportView(report, context, limits), subject.name);
}

function bundleOf(subject: Subject): BundleSource {
  return subject.kind === "file" ? tarBundle(blobSource(subject.file)) : fileListBundle(subject.files);
}

/** A source that tells how much was read, of `passes` times its size: ten times a second at most. */
async function progressing(source: BundleSource, passes: number): Promise<BundleSource> {
  const files = await source.list().catch(() => []);
  const total = passes * files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  let told = 0;
  return watched(source, (bytes) => {
    done += bytes;
    if (performance.now() - told < 100) return;
    told = performance.now();
    answer({ kind: "reading", done: Math.min(done, total), total });
  });
}

async function readTrust(file: File): Promise<{ name: string; bytes: Uint8Array; value: Trust }> {
  if (file.size > MAX_TRUST_BYTES)
    throw new PageError("FAILURE_INPUT_MALFORMED", "the trust file is larger than 16 MiB");
  const bytes = await bytesOf(file);
  return { name: file.name, bytes, value: parseTrust(new TextDecoder().decode(bytes)) };
}

async function readCertificate(file: File): Promise<Uint8Array> {
  if (file.size > MAX_CERTIFICATE_BYTES)
    throw new PageError("FAILURE_INPUT_MALFORMED", "a certificate is larger than 1 MiB");
  return bytesOf(file);
}

/** As in the command line: a tar never begins with a brace, since `{` may not stand in a bundle's paths. */
async function isReceipt(file: File): Promise<boolean> {
  if (/\.jsonl?$/.test(file.name)) return true;
  return file.size < MAX_RECEIPT_BYTES && (await bytesOf(file.slice(0, 1)))[0] === 0x7b;
}

function reported(
  report: Parameters<typeof JSON.stringify>[0] & { verdict: "valid" | "invalid" | "indeterminate" },
  view: (limits?: ViewLimits) => ViewElement,
  name: string,
): Answer {
  return {
    kind: "report",
    verdict: report.verdict,
    view: view(SHOWN),
    // The bytes of `verify --json`.
    json: new Blob([`${JSON.stringify(report)}\n`], { type: "application/json" }),
    html: new Blob([reportPage(view(), name)], { type: "text/html" }),
  };
}

/** An old browser must not make a good signature look bad. */
async function needEd25519(): Promise<void> {
  if (!isSecureContext)
    throw new PageError(
      "CRYPTO_UNSUPPORTED",
      "a browser checks no signatures on a page that came over http",
      "open it from disk, or over https",
    );
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  } catch (cause) {
    throw new PageError(
      "CRYPTO_UNSUPPORTED",
      `this browser cannot check Ed25519 signatures (${(cause as Error).name})`,
      "use a current version of the browser, or `witnessops verify`",
    );
  }
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** Why nothing was verified; no verdict. */
class PageError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  constructor(code: string, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

function refusal(error: unknown): Answer {
  const { code, message, hint, name } = error as Partial<PageError>;
  if (typeof code === "string") return { kind: "refused", code, message: message ?? "", hint };
  return {
    kind: "refused",
    code: name === "NotReadableError" || name === "NotFoundError" ? "NOT_READABLE" : "UNEXPECTED",
    message: `the files could not be verified: ${message ?? String(error)}`,
    hint: "choose the files again: they may have changed since",
  };
}

function answer(message: Answer): void {
  postMessage(message);
}
