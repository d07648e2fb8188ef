import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openCapture } from "../evidence/capture.ts";
import { type Digest, digestOf, hexOf } from "../format/digest.ts";
import { openArtifactFolder } from "./artifact-folder.ts";
import { checkArtifacts } from "./check-artifacts.ts";
import { openSqliteStore } from "./sqlite-store.ts";

it("finds artifacts that are missing, changed or of another size", async () => {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-check-"));
  const store = openSqliteStore(join(folder, "ledger.db"));
  try {
    const files = openArtifactFolder(join(folder, "artifacts"));
    const names = ["small", "large", "changed", "missing", "misstated"];
    const capture = openCapture({
      rules: names.map((name) => ({
        name,
        mediaType: "text/plain",
        required: true,
        sensitivity: "internal",
      })),
      maxBytes: 1e9,
      idPrefix: "r1/a/1",
      secrets: [],
      files,
      clock: Date.now,
    });
    for (const name of names) {
      const writer = capture.open(name, { source: name });
      await writer.write(Buffer.alloc(name === "small" ? 10 : 100_000, name));
      await writer.end();
    }
    const captured = await capture.finish();
    await store.commit({
      openRun: { run: "r1", document: digestOf("d"), opened: digestOf("o") },
      blobs: captured.flatMap(({ artifact, inline }) =>
        inline === undefined ? [] : [{ digest: artifact.digest as Digest, bytes: inline }],
      ),
      artifacts: captured.map(({ artifact }) => ({
        run: "r1",
        invocation: "r1/a",
        attempt: 1,
        artifact: artifact.name === "misstated" ? { ...artifact, size: 7 } : artifact,
      })),
    });
    expect((await checkArtifacts(store, files)).join()).toMatch(
      /^artifact `r1\/a\/1\/misstated`: it has 100000 bytes/,
    );

    const pathOf = (name: string): string => {
      const digest = captured.find(({ artifact }) => artifact.name === name)?.artifact.digest as Digest;
      return join(folder, "artifacts", "sha256", hexOf(digest).slice(0, 2), hexOf(digest));
    };
    writeFileSync(pathOf("changed"), Buffer.alloc(100_000));
    rmSync(pathOf("missing"));
    const faults = await checkArtifacts(store, files);
    expect(faults.map((fault) => /^artifact `r1\/a\/1\/([a-z]+)`/.exec(fault)?.[1])).toEqual([
      "changed",
      "missing",
      "misstated",
    ]);
  } finally {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
