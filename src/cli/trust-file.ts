import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseTrust, trustFromJson } from "../contract/parse-trust.ts";
import type { Trust } from "../contract/trust.ts";
import type { Json } from "../format/json.ts";
import { parseNoteKey } from "../format/signed-note.ts";
import { readText } from "../store/document-files.ts";
import { notFound } from "./cli-error.ts";
import type { Printer } from "./output.ts";
import { trustedKeys } from "./trusted-keys.ts";
import { replaceFile, writeNewFile } from "./write-file.ts";

/** Reads a trust file. @throws ContractError with every fault; CliError `NOT_FOUND`. */
export function readTrust(path: string): Trust {
  if (!existsSync(path))
    throw notFound(`there is no trust file at \`${path}\``, `witnessops trust new ${path}`);
  return parseTrust(readText(resolve(path), dirname(resolve(path))), { file: path });
}

/** Writes a trust file, after checking it as a reader would. @throws ContractError. */
export function writeTrust(path: string, trust: Trust, { isNew }: { readonly isNew: boolean }): Trust {
  const checked = trustFromJson(trust as unknown as Json);
  const text = `${JSON.stringify(checked, null, 2)}\n`;
  if (isNew) writeNewFile(path, text);
  else replaceFile(path, text);
  return checked;
}

/** Prints whom a trust file trusts, with the fingerprints to compare. */
export function printTrust(out: Printer, path: string, trust: Trust): void {
  const keys = trustedKeys(trust);
  out.line({ text: path, style: "bold" });
  if (keys.length === 0) out.line("trusts nobody yet: every verdict will be indeterminate");
  else {
    out.table(
      ["holder", "roles", "custody", "fingerprint"],
      keys.map(({ holder, roles, custody, keyId }) => [holder, roles.join(", "), custody ?? "", keyId]),
    );
  }
  out.pairs([
    ["requires", trust.require?.join(", ")],
    ["quorum", quorumText(trust)],
    [
      "seen",
      trust.logs
        ?.flatMap(({ key, checkpoint }) =>
          checkpoint === undefined ? [] : [`${parseNoteKey(key).name} at ${checkpoint.size}`],
        )
        .join(", ") || undefined,
    ],
    ["pins", trust.pinned === undefined ? undefined : `${trust.pinned.length} definitions`],
  ]);
}

/** How many witnesses must have cosigned; undefined where there are none. */
function quorumText({ witnesses = [], witnessQuorum }: Trust): string | undefined {
  if (witnesses.length === 0) return undefined;
  const names = new Set(witnesses.map(({ key }) => parseNoteKey(key).name)).size;
  return `${witnessQuorum ?? names} of ${names} ${names === 1 ? "witness" : "witnesses"}`;
}
