import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import type { LiveSystem } from "./live-system.ts";

/** What the rules and signatures of these tests look for: harmless, and no scanner's own test file. */
const MARKER = "witness-marker-0b5e";
const sha256 = (path: string) => `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`;

/** Puts a folder into the workspace with one file that has the marker and one that has not. */
function putSamples(folder: string): string {
  mkdirSync(join(folder, "samples/deeper"), { recursive: true });
  writeFileSync(join(folder, "samples/plain.txt"), "nothing here\n");
  const marked = join(folder, "samples/deeper/a b: marked.bin");
  writeFileSync(marked, `\0\0${MARKER}\n`);
  return marked;
}

export const yara: LiveSystem = {
  name: "YARA (Debian)",
  contracts: ["yara.scan-file", "yara.scan-folder"],
  missing: () => needProgram("yara", "yara"),
  async start(folder) {
    const marked = putSamples(folder);
    const rules = join(folder, "marker.yar");
    writeFileSync(
      rules,
      `rule Marker : demo harmless { strings: $a = "${MARKER}" condition: $a }
rule Executable { strings: $a = { 4d 5a } condition: $a at 0 }
`,
    );
    const path = "samples/deeper/a b: marked.bin";
    return {
      close: () => undefined,
      calls: {
        "yara.scan-file": {
          inputs: { rules: "marker.yar", path },
          outputs: {
            matched: true,
            matches: [{ rule: "Marker", tags: ["demo", "harmless"] }],
            rulesSha256: sha256(rules),
            fileSha256: sha256(marked),
          },
        },
        "yara.scan-folder": {
          inputs: { rules: "marker.yar", path: "samples" },
          outputs: { matched: true, matches: [{ rule: "Marker", path }], rulesSha256: sha256(rules) },
        },
      },
    };
  },
};

export const clamav: LiveSystem = {
  name: "ClamAV (Debian), with a signature of its own",
  contracts: ["clamav.scan-file", "clamav.scan-folder"],
  missing: () => needProgram("clamscan", "clamav"),
  async start(folder) {
    const marked = putSamples(folder);
    const database = join(folder, "marker.ndb");
    writeFileSync(database, `Witness.Marker:0:*:${Buffer.from(MARKER).toString("hex")}\n`);
    const path = "samples/deeper/a b: marked.bin";
    const found = { infected: true, knownSignatures: 1, databaseSha256: sha256(database) };
    return {
      close: () => undefined,
      calls: {
        "clamav.scan-file": {
          inputs: { database: "marker.ndb", path },
          outputs: {
            ...found,
            scanned: true,
            signatures: ["Witness.Marker.UNOFFICIAL"],
            fileSha256: sha256(marked),
          },
        },
        "clamav.scan-folder": {
          inputs: { database: "marker.ndb", path: "samples" },
          outputs: {
            ...found,
            scannedFiles: 2,
            infectedFiles: 1,
            found: [{ path, signature: "Witness.Marker.UNOFFICIAL" }],
          },
        },
      },
    };
  },
};

/** One pixel, as PNG. */
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

export const exiftool: LiveSystem = {
  name: "ExifTool (Debian), of a picture that it tagged",
  contracts: ["exiftool.metadata"],
  missing: () => needProgram("exiftool", "libimage-exiftool-perl"),
  async start(folder) {
    const picture = join(folder, "picture.png");
    writeFileSync(picture, Buffer.from(PIXEL, "base64"));
    const tags = ["Software=Shop 2", "Artist=Ana", "DateTimeOriginal=2026:01:02 03:04:05"];
    const place = ["GPSLatitude=48.1", "GPSLatitudeRef=N", "GPSLongitude=11.5", "GPSLongitudeRef=E"];
    const set = [...tags, ...place].map((tag) => `-IFD0:${tag}`.replace(/IFD0:(GPS|DateTime)/, "$1"));
    execFileSync("exiftool", ["-config", "", "-q", "-overwrite_original", ...set, picture]);
    return {
      close: () => undefined,
      calls: {
        "exiftool.metadata": {
          inputs: { path: "picture.png" },
          outputs: {
            fileType: "PNG",
            mediaType: "image/png",
            software: ["Shop 2"],
            authors: ["Ana"],
            dates: [{ tag: "ExifIFD:DateTimeOriginal", value: "2026:01:02 03:04:05" }],
            hasPlace: true,
            warning: null,
            sha256: sha256(picture),
          },
        },
      },
    };
  },
};
