// A real witness on the folder given, whose process is killed where it would sign: after its record is on disk and before
// it answers. Prints its port.
import type { AddressInfo } from "node:net";
import { readWitnessFile, witnessPaths } from "../../src/cli/witness-file.ts";
import { createWitnessServer } from "../../src/cli/witness-server.ts";
import { noteKeyOf, noteKeyTypes, parseNoteKey } from "../../src/format/signed-note.ts";
import { openKeyFile } from "../../src/store/key-file.ts";
import { openWitnessRecord } from "../../src/store/witness-record.ts";

const folder = process.argv[2] as string;
const { publicKey } = openKeyFile(witnessPaths(folder).key);
const { name, logs } = readWitnessFile(folder);
const signer = {
  publicKey,
  sign(): never {
    process.kill(process.pid, "SIGKILL");
    // The signal is on its way: nothing may be answered before it is here.
    for (;;);
  },
};
const server = createWitnessServer(
  {
    key: noteKeyOf(name, publicKey, noteKeyTypes.cosignature),
    signer,
    logs: logs.map(({ key }) => parseNoteKey(key)),
    record: openWitnessRecord(witnessPaths(folder).record),
    perMinute: 100,
  },
  () => undefined,
);
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`);
});
