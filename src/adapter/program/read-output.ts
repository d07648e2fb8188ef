import type { JsonObject } from "../../format/json.ts";
import { type ArtifactWriter, type Capture, CaptureRefused } from "../adapter.ts";
import { jsonOfText, MAX_TEXT, utf8Text } from "../read-text.ts";

/** How standard output becomes a part of the result. */
export type OutputForm = "none" | "text" | "lines" | "json";

/** Longest output when the contract does not capture it: then its own bound does not apply. */
const MAX_UNCAPTURED = 16 * 1024 * 1024;

/** One output stream: to its artifact as it comes, and its beginning kept for the result. */
export interface Output {
  take(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  readonly size: number;
  /** The whole output when it is valid UTF-8 and at most 256 KiB. */
  readonly text: string | undefined;
}

/** Opens an output stream of `who`. Its methods throw CaptureRefused `SIZE_EXCEEDED`. */
export function openOutput(capture: Capture, name: "stdout" | "stderr", who = "tool"): Output {
  const writer: ArtifactWriter | undefined = capture.wants(name)
    ? capture.open(name, { source: `${who} ${name === "stdout" ? "standard output" : "standard error"}` })
    : undefined;
  const kept: Uint8Array[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    get text() {
      return size > MAX_TEXT ? undefined : utf8Text(Buffer.concat(kept));
    },
    async take(bytes) {
      size += bytes.length;
      if (writer === undefined && size > MAX_UNCAPTURED) {
        throw new CaptureRefused("SIZE_EXCEEDED", `\`${name}\` is longer than ${MAX_UNCAPTURED} bytes`);
      }
      if (size <= MAX_TEXT) kept.push(bytes);
      await writer?.write(bytes);
    },
    async end() {
      await writer?.end();
    },
  };
}

/** Standard output as the contract wants it parsed; undefined when it cannot be. */
export function parseOutput(output: Output, parse: OutputForm | undefined): JsonObject | undefined {
  const { size, text } = output;
  if (parse === undefined || parse === "none") return { size };
  if (text === undefined) return undefined;
  if (parse === "text") return { size, text };
  if (parse === "lines") {
    const lines = text.split(/\r?\n/);
    if (lines[lines.length - 1] === "") lines.pop();
    return { size, lines };
  }
  const json = jsonOfText(text);
  return json === undefined ? undefined : { size, json };
}
