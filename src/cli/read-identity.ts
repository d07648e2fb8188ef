import { readFileSync, statSync } from "node:fs";
import { ageOpener, type Open } from "../evidence/age.ts";
import { usage } from "./cli-error.ts";

const MAX_BYTES = 64 * 1024;

/**
 * What opens sealed evidence, from an age identity file. Neither the file nor what is in it is kept anywhere.
 *
 * @throws CliError `USAGE`; EvidenceError `IDENTITY_MALFORMED`.
 */
export function readIdentity(path: string): Promise<Open> {
  if (!statSync(path).isFile() || statSync(path).size > MAX_BYTES)
    throw usage(`\`${path}\` is no age identity file`, "give a file that `age-keygen` made");
  return ageOpener(readFileSync(path, "utf8"));
}
