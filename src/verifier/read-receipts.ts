import { RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { type ReceiptPredicate, receiptPredicateSchema } from "../contract/receipt-predicate.ts";
import { RECEIPT_PREDICATE } from "../format/statement.ts";
import type { BundleSource } from "./bundle-source.ts";
import { type Fault, parseDocument, placed } from "./check-document.ts";
import type { HashedFile } from "./hash-files.ts";
import type { Failure } from "./layer.ts";
import type { Limits } from "./limits.ts";
import { readLines } from "./read-lines.ts";
import { type Read, readStampedStatement, type StampedStatement } from "./sigstore-envelope.ts";

/** A receipt whose shape was checked. */
export type Receipt = StampedStatement<ReceiptPredicate>;

/** Reads `receipts.ndjson` line by line; what is wrong goes into `faults`. */
export async function readReceipts(
  source: BundleSource,
  listed: ReadonlyMap<string, HashedFile>,
  limits: Limits,
  faults: Failure[],
): Promise<Receipt[]> {
  const path = RECEIPTS_PATH;
  const receipts: Receipt[] = [];
  if (!listed.has(path)) {
    faults.push({ code: "FAILURE_COMPLETENESS", message: "the file is absent", path });
    return receipts;
  }
  let number = 0;
  for await (const line of readLines(source.read(path), limits.maxLineBytes)) {
    number += 1;
    if (number > limits.maxReceipts) {
      faults.push({
        code: "FAILURE_BUNDLE_MALFORMED",
        message: `there are more than ${limits.maxReceipts} receipts`,
        path,
      });
      break;
    }
    const read = "fault" in line ? { faults: [lineFault(line.fault)] } : readReceipt(line.bytes);
    if ("value" in read) receipts.push(read.value);
    else
      faults.push(
        ...placed(
          read.faults.map((f) => ({ ...f, message: `line ${number}: ${f.message}` })),
          { path },
        ),
      );
  }
  return receipts;
}

function lineFault(what: string): Fault {
  return { code: "FAILURE_BUNDLE_MALFORMED", message: `the line is ${what}` };
}

/** Reads one line of `receipts.ndjson`, or a receipt file: a canonical Sigstore bundle. */
export function readReceipt(bytes: Uint8Array): Read<Receipt> {
  const parsed = parseDocument(bytes);
  if ("fault" in parsed) return { faults: [parsed.fault] };
  return readStampedStatement<ReceiptPredicate>(parsed.value, RECEIPT_PREDICATE, receiptPredicateSchema);
}
