import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Json, JsonObject } from "../../format/json.ts";
import { refused } from "../cli-error.ts";

/** Makes values that fit a JSON Schema. */
export interface Generator {
  /** `<package> <version>`. */
  readonly name: string;
  /** A value, the same one for the same seed. @throws CliError `REFUSED` for a schema that it makes nothing of. */
  generate(schema: Json, seed: number): Json;
}

/** What is used of the package. */
interface Faker {
  generateSync(schema: Json, options: JsonObject): unknown;
}

const PACKAGE = "json-schema-faker";
/** The version that this was tested with; others of the same minor are taken. */
const VERSION = "0.6.3";

/**
 * Loads the generator of answers, which is a tool of authors and no part of what runs in production (decision 0041): it
 * is looked for where this program is installed, never in a workspace, whose files are not programs.
 *
 * @throws CliError `REFUSED` when it is not installed, or is another version.
 */
export async function loadGenerator(): Promise<Generator> {
  const file = manifestOf(PACKAGE);
  const hint = `npm install --ignore-scripts --save-dev ${PACKAGE}@${VERSION}, where witnessops is installed`;
  if (file === undefined)
    throw refused(`\`--mock\` needs the package \`${PACKAGE}\`, which is not installed`, hint);
  const { version, main } = JSON.parse(readFileSync(file, "utf8")) as { version: string; main: string };
  if (!version.startsWith("0.6."))
    throw refused(`\`--mock\` needs \`${PACKAGE}\` 0.6, and ${version} is installed`, hint);
  const module = (await import(pathToFileURL(join(dirname(file), main)).href)) as Faker;
  return {
    name: `${PACKAGE} ${version}`,
    generate: (schema, seed) => {
      const made = generated(module, schema, {
        seed,
        useDefaultValue: true,
        useExamplesValue: true,
        // Seed 1 gives what must be there, the others what may be there too.
        optionalsProbability: seed === 1 ? 0 : 0.6,
        maxDefaultItems: 2,
        maxDepth: 8,
        refDepthMax: 3,
      });
      return JSON.parse(JSON.stringify(made ?? null)) as Json;
    },
  };
}

/** @throws CliError `REFUSED` for a schema that the generator makes nothing of. */
function generated(module: Faker, schema: Json, options: JsonObject): unknown {
  try {
    return module.generateSync(schema, options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refused(
      `\`${PACKAGE}\` makes no value of one of the schemas: ${why.slice(0, 300)}`,
      "give the inputs with `--with`; where it is an answer's schema, test with recorded calls or `--live`",
    );
  }
}

/** Path of an installed package's manifest, as this module would find it. */
function manifestOf(name: string): string | undefined {
  try {
    return findPackageJSON(name, import.meta.url);
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
