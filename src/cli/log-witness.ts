import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { noteKeyOf, noteKeyText, noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";
import { createKeyFile, openKeyFile } from "../store/key-file.ts";
import { openWitnessRecord } from "../store/witness-record.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { argument, type Context, defineCommand, flag, option, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { passphrase } from "./passphrase.ts";
import { parseWitness, readWitnessFile, witnessPaths } from "./witness-file.ts";
import { createWitnessServer, type Witness, type WitnessEvent } from "./witness-server.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    folder: argument("the witness's folder: its key, `witness.yaml`, and what it cosigned"),
    make: flag("--make", "make the folder and print the witness's key, without listening"),
    name: option("--name <name>", "with `--make`: name of the witness, like `witness.example/acme`"),
    log: repeatedOption(
      "--log <note key>",
      "with `--make`: a log to cosign; later ones go into `witness.yaml`",
    ),
    port: option("--port <n>", "port to listen on (default: a free one)"),
    address: option(
      "--address <ip>",
      "address to listen on (default: 127.0.0.1; put a TLS proxy before any other)",
    ),
  },
  example: "log witness ~/witness --port 8471",
  async run({ folder, make, name, log, port = "0", address = "127.0.0.1" }, context) {
    if (make) {
      if (name === undefined) throw usage("`--make` needs `--name`", "name it like `witness.example/acme`");
      const vkey = makeWitness(folder, name, log);
      return {
        exit: exit.done,
        json: { folder, key: vkey },
        print(out) {
          out.pairs([
            ["folder", `${folder} (never bring back an older copy of it)`],
            ["witness key", vkey],
          ]);
        },
      };
    }
    if (name !== undefined || log.length > 0)
      throw usage("`--name` and `--log` go with `--make`", `edit \`${witnessPaths(folder).file}\` instead`);
    return serve(folder, address, portOf(port), context);
  },
});

function portOf(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw usage(`\`${text}\` is no port`, "give a whole number from 0 to 65535");
}

/** Makes a witness's folder. A key that has cosigned has a record beside it: neither is ever made anew. */
function makeWitness(folder: string, name: string, logs: readonly string[]): string {
  const paths = witnessPaths(folder);
  for (const path of Object.values(paths))
    if (existsSync(path)) throw refused(`there is already a witness: \`${path}\``, "name another folder");
  const text = [
    "# Whose checkpoints this witness cosigns. Read when it starts.",
    "apiVersion: witnessops/v1",
    "kind: Witness",
    `name: ${JSON.stringify(name)}`,
    logs.length === 0 ? "logs: []" : "logs:",
    ...logs.map((key) => `  - key: ${JSON.stringify(key)}`),
    "",
  ].join("\n");
  parseWitness(text, paths.file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { publicKey } = createKeyFile(paths.key, { passphrase: passphrase() });
  openWitnessRecord(paths.record, { create: true }).close();
  writeNewFile(paths.file, text);
  return noteKeyText(noteKeyOf(name, publicKey, noteKeyTypes.cosignature));
}

function openWitness(folder: string): Witness {
  const paths = witnessPaths(folder);
  for (const path of Object.values(paths))
    if (!existsSync(path))
      throw notFound(
        `there is no witness in \`${folder}\`: \`${path}\` is missing`,
        "witnessops log witness <folder> --make --name <name>",
      );
  const { name, logs, perMinute = 120 } = readWitnessFile(folder);
  const signer = openKeyFile(paths.key, { passphrase: passphrase() });
  return {
    key: noteKeyOf(name, signer.publicKey, noteKeyTypes.cosignature),
    signer,
    logs: logs.map(({ key }) => parseNoteKey(key)),
    record: openWitnessRecord(paths.record),
    perMinute,
  };
}

async function serve(folder: string, address: string, port: number, context: Context) {
  const witness = openWitness(folder);
  const { record } = witness;
  try {
    const server = createWitnessServer(witness, (event) => context.progress(eventText(event)));
    server.listen(port, address);
    await Promise.race([
      once(server, "listening"),
      once(server, "error").then(([error]) => {
        throw usage(`\`${address}:${port}\` cannot be listened on: ${(error as Error).message}`);
      }),
    ]);
    const { port: bound } = server.address() as AddressInfo;
    context.progress(`witness ${noteKeyText(witness.key)}`);
    for (const { origin, size } of record.last()) context.progress(`cosigned last: ${origin} at ${size}`);
    for (const { origin, size } of record.forks()) context.progress(`forked once: ${origin} at ${size}`);
    context.progress(`listening on http://${address}:${bound}/add-checkpoint`);
    await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
    server.close();
    server.closeAllConnections();
    const json = { listened: `${address}:${bound}` };
    return { exit: exit.done, json, print: () => undefined };
  } finally {
    record.close();
  }
}

function eventText(event: WitnessEvent): string {
  switch (event.kind) {
    case "cosigned":
      return `cosigned ${event.origin} at ${event.size}`;
    case "fork":
      return `NOT cosigned: ${event.origin} signed another tree of size ${event.size}; both notes are kept`;
    case "inconsistent":
      return `not cosigned: ${event.origin} at ${event.size} was not shown to continue what was cosigned`;
    case "fault":
      return `fault: ${event.message}`;
  }
}
