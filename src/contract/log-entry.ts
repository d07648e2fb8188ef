import Type, { type Static } from "typebox";
import type { Digest } from "../format/digest.ts";
import { leafHash, type TreeHash } from "../format/merkle.ts";
import * as word from "./vocabulary.ts";

/** What the transparency log says of a receipt: its digest and its place (`spec/log.md`). */
export interface LogEntry {
  readonly receipt: Digest;
  readonly stream: string;
  readonly seq: number;
}

const encoder = new TextEncoder();

/** The bytes of an entry: canonical JSON (RFC 8785). */
export function logEntryBytes(entry: LogEntry): Uint8Array<ArrayBuffer> {
  return encoder.encode(textOf(entry));
}

/** Spelled out, since there is one for each receipt. */
function textOf({ receipt, stream, seq }: LogEntry): string {
  return `{"receipt":"${receipt}","schema":"witnessops/log-entry/v1","seq":${seq},"stream":${JSON.stringify(stream)}}`;
}

/** Leaf hash of an entry (RFC 6962 section 2.1). */
export function logLeaf(entry: LogEntry): TreeHash {
  return leafHash(textOf(entry));
}

/** `log/index.json` of a bundle: where in the log each receipt of each stream stands, by `seq`. */
export const logIndexSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/log-index/v1"),
    origin: Type.String({ minLength: 1, maxLength: 200 }),
    streams: Type.Record(
      Type.String({ maxLength: 200 }),
      Type.Array(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    ),
  },
  word.closed,
);
export type LogIndex = Static<typeof logIndexSchema>;

/** `detail` of `log-started`: the workspace has this log from now on, which continues the head of another or of none. */
export const logStartedSchema = Type.Object(
  {
    origin: Type.String({ minLength: 1, maxLength: 200 }),
    key: Type.String({ minLength: 50, maxLength: 300 }),
    previous: Type.Union([
      Type.Null(),
      Type.Object(
        {
          origin: Type.String({ minLength: 1, maxLength: 200 }),
          size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
          // Base64 of 32 bytes has one spelling: the last character's unused bits are zero.
          root: Type.String({ pattern: "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$" }),
        },
        word.closed,
      ),
    ]),
  },
  word.closed,
);
export type LogStarted = Static<typeof logStartedSchema>;
