import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import { sensitivities } from "../contract/vocabulary.ts";
import { importArtifact } from "../run/import-artifact.ts";
import { choice } from "./choice.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    file: argument("the evidence"),
    name: option("--name <name>", "name of the artifact (default: from the file's)"),
    mediaType: option("--media-type <type>", "media type (default: application/octet-stream)"),
    sensitivity: option(
      "--sensitivity <word>",
      "public, internal, confidential or secret, which is sealed; without it, it is quarantined until it is classified",
    ),
    source: option("--source <text>", "where it comes from (default: imported file)"),
    as: option("--as <principal>", "who imports it (default: the workspace's owner)"),
  },
  example: "artifact import 3f9ab2c41d07e865 notes.txt --source 'phone call with the customer'",
  async run(given, context) {
    const { run, file } = given;
    if (!statSync(file).isFile()) throw usage(`\`${file}\` is no file`);
    const sensitivity =
      given.sensitivity === undefined
        ? undefined
        : choice("--sensitivity", given.sensitivity, [...sensitivities]);
    return withLane(context, async ({ lane, definitions }) => {
      const artifact = await importArtifact(lane, run, {
        name: given.name ?? nameFrom(file),
        mediaType: given.mediaType ?? "application/octet-stream",
        sensitivity,
        source: given.source ?? "imported file",
        principal: given.as ?? definitions.workspace().owner,
        bytes: createReadStream(file),
      });
      return {
        exit: exit.done,
        json: { artifact },
        print(out) {
          out.line(`${artifact.id}, ${artifact.size} bytes, ${artifact.digest}`);
          if (artifact.sensitivity === undefined)
            out.line("quarantined: neither exported nor cited before `witnessops artifact classify`");
          out.line("imported: always operational input, nobody here saw how it was collected");
        },
      };
    });
  },
});

function nameFrom(file: string): string {
  const name = basename(file)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return name === "" ? "evidence" : name.slice(0, 64);
}
