import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import type { Json } from "../../format/json.ts";
import { type Capture, CaptureRefused } from "../adapter.ts";
import { jsonOfText, MAX_TEXT, mostValues, utf8Text } from "../read-text.ts";

/** Longest body that is read when the contract does not capture it: then its own bound does not apply. */
const MAX_UNCAPTURED = 16 * 1024 * 1024;
/** How much longer than its text a compressed body may be. */
const SLACK = 64 * 1024;

type Decode = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** What a result says about a body. */
export interface BodyResult {
  /** Bytes of the content as sent, before content decoding. */
  readonly size: number;
  readonly encoding: string;
  /** The decoded body when it is valid UTF-8 and short enough. */
  readonly text?: string;
  readonly json?: Json;
  /** Why JSON was not parsed. */
  readonly jsonOmitted?: "too-many-values";
  /** Why there is no `text`. */
  readonly textOmitted?: "too-large" | "undecodable" | "not-utf8";
}

/**
 * Reads a response's body: its bytes go to an artifact as they come, with backpressure.
 *
 * @param options.artifact name of that artifact; default `response-body`.
 * @param options.maxText longest decoded body that is kept as text, in bytes; default 256 KiB.
 * @param options.maxValues most values of JSON that is parsed; default: as many as there are.
 * @throws CaptureRefused `SIZE_EXCEEDED`, or an error with Node's code when the body ends early.
 */
export async function readBody(
  message: IncomingMessage,
  headers: ReadonlyMap<string, string>,
  capture: Capture,
  options: { artifact?: string; maxText?: number; maxValues?: number } = {},
): Promise<BodyResult> {
  const { artifact = "response-body", maxText = MAX_TEXT, maxValues = Number.POSITIVE_INFINITY } = options;
  const encoding = encodingOf(headers);
  const writer = capture.wants(artifact)
    ? capture.open(artifact, { source: "http response body", contentEncoding: encoding })
    : undefined;
  const kept: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (writer === undefined && size > MAX_UNCAPTURED) {
      throw new CaptureRefused("SIZE_EXCEEDED", `the body is longer than ${MAX_UNCAPTURED} bytes`);
    }
    if (size <= maxText + SLACK) kept.push(chunk);
    await writer?.write(chunk);
  }
  await writer?.end();
  if (size > maxText + SLACK) return { size, encoding, textOmitted: "too-large" };
  return { size, encoding, ...(await readText(Buffer.concat(kept), encoding, maxText, maxValues)) };
}

/** The content coding of a message, lower case; `identity` for none. */
export function encodingOf(headers: ReadonlyMap<string, string>): string {
  return (headers.get("content-encoding") ?? "").trim().toLowerCase() || "identity";
}

async function readText(
  bytes: Uint8Array,
  encoding: string,
  maxText: number,
  maxValues: number,
): Promise<Pick<BodyResult, "text" | "json" | "jsonOmitted" | "textOmitted">> {
  let decoded = bytes;
  if (encoding !== "identity" && bytes.length > 0) {
    const decode = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
    if (decode === undefined) return { textOmitted: "undecodable" };
    try {
      decoded = await decode(bytes, { maxOutputLength: maxText });
    } catch (error) {
      const tooLarge = error instanceof Error && Reflect.get(error, "code") === "ERR_BUFFER_TOO_LARGE";
      return { textOmitted: tooLarge ? "too-large" : "undecodable" };
    }
  }
  if (decoded.length > maxText) return { textOmitted: "too-large" };
  const text = utf8Text(decoded);
  if (text === undefined) return { textOmitted: "not-utf8" };
  if (maxValues < text.length && mostValues(text) > maxValues)
    return { text, jsonOmitted: "too-many-values" };
  const json = jsonOfText(text);
  return { text, ...(json === undefined ? {} : { json }) };
}
