import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type EvidenceMapping, parseEvidenceMapping } from "../contract/evidence-mapping.ts";
import { readText } from "../store/document-files.ts";
import { type EvidenceMap, mapEvidence } from "../verifier/map-evidence.ts";
import { exitOf, withVerified } from "./bundle-input.ts";
import { notFound } from "./cli-error.ts";
import { argument, defineCommand, option, type Result } from "./command.ts";
import { short } from "./find-receipt.ts";
import type { Printer } from "./output.ts";
import { packageRoot } from "./package-files.ts";

export const command = defineCommand({
  parameters: {
    bundle: argument("a bundle (`.tar` or folder)"),
    to: argument("a mapping that comes with witnessops, such as `nist-csf-2.0`, or a file of your own"),
    trust: option("--trust <file>", "your trust file; without it nothing is direct evidence"),
  },
  example: "map proof.tar nist-csf-2.0 --trust trust.json",
  async run({ bundle, to, trust }): Promise<Result> {
    const mapping = readMapping(to);
    return withVerified(bundle, trust, async (source, report) => {
      const map = await mapEvidence(source, report, mapping);
      return { exit: exitOf[map.verdict], json: map, print: (out) => printMap(out, map) };
    });
  },
});

/** A mapping of the package by name, or one in a file. */
function readMapping(name: string): EvidenceMapping {
  const folder = join(packageRoot(), "mappings");
  const own = join(folder, `${name}.yaml`);
  const file = basename(name) === name && existsSync(own) ? own : name;
  if (existsSync(file)) return parseEvidenceMapping(readText(file, dirname(file)), basename(file));
  const known = readdirSync(folder).map((one) => `\`${basename(one, ".yaml")}\``);
  throw notFound(`there is no mapping \`${name}\``, `name a file, or one of ${known.join(", ")}`);
}

function printMap(out: Printer, map: EvidenceMap): void {
  out.line(`${map.title} (${map.mapping}), for a bundle that is ${map.verdict}`);
  out.line(map.statement);
  out.line(map.source);
  for (const one of map.requirements) {
    out.heading(`${one.id}  ${one.requires}`);
    const row = (kind: string, link: EvidenceMap["requirements"][number]["direct"][number]) => [
      kind,
      link.because === undefined ? link.shows : `${link.shows} (${link.because})`,
      link.event,
      link.about,
      short(link.receipt),
    ];
    out.table(
      ["evidence", "what it shows", "event", "about", "receipt"],
      [
        ...one.direct.map((link) => row("direct", link)),
        ...one.supporting.map((link) => row("supporting", link)),
        ...one.inferred.map((said) => [
          "inferred",
          said.statement,
          `confidence ${said.confidence}${said.supported ? "" : ", not supported"}`,
          said.principal,
          "",
        ]),
        ...one.gaps.map((gap) => ["gap", gap, "", "", ""]),
      ],
    );
  }
}
