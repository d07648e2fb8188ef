// Runs inside the namespace of an isolated tool: gives `lo` the addresses of the tool's places, listens there, carries
// each connection to the Unix socket that the host serves, and starts the tool without any capability. It ends as the
// tool does. Plain JavaScript, because it is run by its path, from a build too.
//
//   node forwarder.mjs <plan.json>
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";

/** @typedef {{ address: string, port: number, socket: string | null }} Listening */

if (isMainThread) await main(process.argv[2] ?? "");
else await ignore(workerData);

/** @param {string} file */
async function main(file) {
  const plan = JSON.parse(readFileSync(file, "utf8"));
  const folder = dirname(file);
  addAddresses(plan.ip, plan.addresses);
  for (const place of plan.places.filter((/** @type {Listening} */ { socket }) => socket !== null))
    await listen(place, folder);
  const silent = plan.places.filter((/** @type {Listening} */ { socket }) => socket === null);
  if (silent.length > 0) await silence(silent);
  const [program, ...args] = plan.command;
  const filter = plan.filter === null ? "ignore" : openSync(join(folder, plan.filter), "r");
  const child = spawn(program, args, { stdio: ["inherit", "inherit", "inherit", "pipe", filter] });
  let status = "";
  child.stdio[3]?.on("data", (/** @type {Buffer} */ bytes) => (status += bytes));
  const [code] = await once(child, "close");
  // Only a tool that was started has an exit code there; the host takes anything else for a sandbox that failed.
  const ran = /"exit-code": *(\d+)/.exec(status);
  if (ran === null) process.exit(code || 1);
  const control = connect(join(folder, "ran"));
  await once(control, "connect");
  control.end();
  await once(control, "close");
  process.exit(Number(ran[1]));
}

/** @param {string} ip @param {string[]} addresses */
function addAddresses(ip, addresses) {
  if (addresses.length === 0) return;
  const lines = addresses.map((address) =>
    address.includes(":") ? `addr add ${address}/128 dev lo nodad` : `addr add ${address}/32 dev lo`,
  );
  const { status } = spawnSync(ip, ["-batch", "-"], {
    input: `${lines.join("\n")}\n`,
    stdio: ["pipe", "ignore", "inherit"],
  });
  if (status !== 0) process.exit(1);
}

/** @param {Listening} place @param {string} folder */
async function listen({ address, port, socket }, folder) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inside) => {
    const outside = connect({ path: join(folder, socket ?? ""), allowHalfOpen: true });
    inside.on("error", () => outside.destroy());
    outside.on("error", () => inside.resetAndDestroy());
    inside.pipe(outside);
    outside.pipe(inside);
    inside.once("close", () => outside.destroy());
    outside.once("close", () => inside.destroySoon());
  });
  server.listen(port, address);
  await once(server, "listening");
}

/**
 * Makes places that did not answer not answer here either: a listener that never accepts, whose queue is full, leaves
 * further attempts without any reply.
 *
 * @param {Listening[]} places
 */
async function silence(places) {
  const worker = new Worker(new URL(import.meta.url), { workerData: places });
  worker.unref();
  await once(worker, "message");
  for (const { address, port } of places) {
    // The queue of a backlog of 1 holds two.
    for (let n = 0; n < 2; n++) {
      const filler = connect(port, address);
      filler.on("error", () => undefined);
      await once(filler, "connect");
      filler.unref();
    }
  }
}

/** @param {Listening[]} places */
async function ignore(places) {
  const { parentPort } = await import("node:worker_threads");
  for (const { address, port } of places) {
    const server = createServer();
    server.listen({ host: address, port, backlog: 1 });
    await once(server, "listening");
  }
  parentPort?.postMessage("ready");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
