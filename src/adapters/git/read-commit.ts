import { createHash } from "node:crypto";
import type { JsonObject } from "../../format/json.ts";

/** A commit object, read without git (gitformat-commit). */
export interface CommitObject {
  /** The object name that the bytes have: what git calls the commit. */
  readonly name: string;
  readonly fields: JsonObject;
  /** The signature as it stands in the header `gpgsig`. */
  readonly signature:
    | { readonly format: "ssh" | "openpgp" | "x509" | "unknown"; readonly text: string }
    | undefined;
}

/** Reads a commit's bytes. @param algorithm of object names. */
export function readCommit(bytes: Uint8Array, algorithm: "sha1" | "sha256"): CommitObject {
  const name = createHash(algorithm).update(`commit ${bytes.length}\0`).update(bytes).digest("hex");
  const text = Buffer.from(bytes).toString("utf8");
  const head = text.split("\n\n", 1)[0] ?? "";
  // A line that begins with a space goes on with the one before it.
  const lines = head.replaceAll("\n ", "\u0000").split("\n");
  const values = (key: string) =>
    lines
      .filter((line) => line.startsWith(`${key} `))
      .map((line) => line.slice(key.length + 1).replaceAll("\u0000", "\n"));
  const signature = values(algorithm === "sha1" ? "gpgsig" : "gpgsig-sha256")[0];
  return {
    name,
    fields: {
      tree: values("tree")[0] ?? null,
      parents: values("parent"),
      author: values("author")[0]?.toWellFormed() ?? null,
      committer: values("committer")[0]?.toWellFormed() ?? null,
      subject: (text.slice(head.length + 2).split("\n", 1)[0] ?? "").slice(0, 500).toWellFormed(),
    },
    signature:
      signature === undefined ? undefined : { format: formatOf(signature), text: `${signature.trimEnd()}\n` },
  };
}

function formatOf(signature: string): "ssh" | "openpgp" | "x509" | "unknown" {
  if (signature.startsWith("-----BEGIN SSH SIGNATURE-----")) return "ssh";
  if (signature.startsWith("-----BEGIN PGP SIGNATURE-----")) return "openpgp";
  return signature.startsWith("-----BEGIN SIGNED MESSAGE-----") ? "x509" : "unknown";
}
