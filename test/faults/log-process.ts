// A process that appends receipts and makes checkpoints, for tests that kill it:
// `log-process.ts <folder> <stream> <rounds> <step at which it kills itself, or 0>`. What is signed is noted first.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { LogFolder } from "../../src/ledger/log-folder.ts";
import type { Store } from "../../src/run/store.ts";
import { openLogWorkspace } from "../fixtures/log-workspace.ts";

const [folder = "", stream = "workspace", rounds = "1", killAt = "0"] = process.argv.slice(2);
let steps = 0;

function step(): void {
  steps += 1;
  if (steps === Number(killAt)) process.kill(process.pid, "SIGKILL");
}

/** After one action and before the next is the same moment. */
function before<T>(action: () => Promise<T>): Promise<T> {
  step();
  return action();
}

const { log, store, append } = openLogWorkspace(folder, {
  between: {
    store: (inner): Store => ({
      ...inner,
      log: {
        ...inner.log,
        integrate: (...given) => before(() => inner.log.integrate(...given)),
        keepSigned: (...given) => before(() => inner.log.keepSigned(...given)),
      },
    }),
    folder: (inner): LogFolder => ({
      ...inner,
      async write(files) {
        for (const file of files) await before(() => inner.write([file]));
      },
      remove: (path) => before(() => inner.remove(path)),
      lock: async () => {
        const unlock = await inner.lock();
        return () => before(unlock);
      },
    }),
    signer: (inner) => ({
      ...inner,
      async sign(message) {
        step();
        const signature = await inner.sign(message);
        appendFileSync(join(folder, "signed.txt"), `${JSON.stringify(new TextDecoder().decode(message))}\n`);
        return signature;
      },
    }),
  },
});
for (let round = 0; round < Number(rounds); round++) {
  await append(130, stream);
  await log.checkpoint();
}
store.close();
console.log(steps);
