import Type, { type Static } from "typebox";
import type { Adapter, AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { withFaults } from "../../adapter/fault.ts";
import { jsonOfText, MAX_TEXT, utf8Text } from "../../adapter/read-text.ts";
import type { JsonObject } from "../../format/json.ts";
import { parseEmail } from "./parse-email.ts";
import { readFile } from "./read-file.ts";

const MAX_EMAIL = 32 * 1024 * 1024;

const parameters = Type.Object(
  {
    /** Relative to the workspace. */
    path: Type.String({ minLength: 1, maxLength: 1000 }),
    parse: Type.Optional(Type.Enum(["none", "text", "json", "email"])),
  },
  { additionalProperties: false },
);
type Parse = NonNullable<Static<typeof parameters>["parse"]>;

/** How many bytes each way of parsing takes. */
const KEPT: Readonly<Record<Parse, number>> = { none: 0, text: MAX_TEXT, json: MAX_TEXT, email: MAX_EMAIL };

/** Reads one file of the workspace once, hashes it, and parses it by declared rules. Opens no connection. */
export const file: Adapter = {
  id: "file",
  version: "1.0.0",
  egress: "none",
  isolation: "in-process",
  parameters,
  run: withFaults("read", readAndParse),
};

async function readAndParse(call: Call): Promise<AdapterOutcome> {
  const { path, parse = "none" } = call.with as Static<typeof parameters>;
  const { size, sha256, bytes } = await readFile(path, call.root, KEPT[parse], call.capture, call.signal);
  const parsed = await parseBytes(bytes, parse);
  if (parsed === undefined) {
    const code = parse === "email" ? "MESSAGE_MALFORMED" : "CONTENT_MALFORMED";
    const message = parse === "email" ? "the file is no Internet message" : `the file is not UTF-8 ${parse}`;
    return { ok: false, fault: { code, phase: "parse", message } };
  }
  return { ok: true, result: { path, size, sha256, ...parsed } };
}

async function parseBytes(bytes: Uint8Array, parse: Parse): Promise<JsonObject | undefined> {
  if (parse === "none") return {};
  if (parse === "email") {
    const email = await parseEmail(bytes);
    return email === undefined ? undefined : { email };
  }
  const text = utf8Text(bytes);
  if (text === undefined) return undefined;
  if (parse === "text") return { text };
  const json = jsonOfText(text);
  return json === undefined ? undefined : { json };
}
