// Ctrl-C while sealed evidence is being opened: the half that is in the clear by then is not left in a file of a name that
// nobody looks for.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sealStream } from "../../src/evidence/age.ts";
import { IDENTITY, RECIPIENT } from "../fixtures/age-keys.ts";
import { filesHolding } from "../fixtures/files-holding.ts";

const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const secret = `the key is ${randomBytes(24).toString("hex")}`;

async function sealed(): Promise<Buffer> {
  const plaintext = Buffer.concat([randomBytes(32), Buffer.from(secret.repeat(20_000))]);
  const stream = ReadableStream.from([new Uint8Array(plaintext)]) as ReadableStream<Uint8Array>;
  const pieces: Uint8Array[] = [];
  for await (const piece of await sealStream(stream, [RECIPIENT])) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe.runIf(process.platform !== "win32")("an interrupted `artifact open`", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "leaves nothing in the clear after %s",
    async (signal) => {
      const folder = mkdtempSync(join(tmpdir(), "witnessops-open-"));
      try {
        const pipe = join(folder, "slow.age");
        const identity = join(folder, "identity.txt");
        writeFileSync(identity, `${IDENTITY}\n`);
        execFileSync("mkfifo", [pipe]);
        const out = join(folder, "opened.txt");
        const args = [main, "artifact", "open", pipe, "--identity", identity, "-o", out];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
        const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
          child.once("exit", (status, by) => resolve(status ?? by)),
        );
        const ciphertext = await sealed();
        const writer = createWriteStream(pipe);
        writer.on("error", () => undefined);
        writer.write(ciphertext.subarray(0, ciphertext.length - 1000));
        await expect.poll(() => filesHolding(folder, secret).length, { timeout: 20_000 }).toBe(1);
        child.kill(signal);
        expect(await ended).not.toBe(0);
        writer.destroy();
        expect(readdirSync(folder).sort()).toEqual(["identity.txt", "slow.age"]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
