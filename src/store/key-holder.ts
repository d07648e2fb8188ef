import Type, { type Static } from "typebox";
import { type DocumentKind, readDocument } from "../contract/inspect-document.ts";
import * as word from "../contract/vocabulary.ts";

const publicKey = Type.String({
  minLength: 40,
  maxLength: 400,
  pattern: "^[A-Za-z0-9+/]+=*$",
  description: "base64 of a public key (SPKI), as `key export` prints it",
});

/** Where a private key is, and how to reach it: exactly one of `file`, `agent` and `exec`. */
export const keyHolderSchema = Type.Object(
  {
    /** A key file, relative to the document that names it; its passphrase comes from `WITNESSOPS_KEY_PASSPHRASE`. */
    file: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
    /** A key in ssh-agent, by its fingerprint. */
    agent: Type.Optional(
      Type.String({
        pattern: "^SHA256:[A-Za-z0-9+/]{43}$",
        description: "a fingerprint as `ssh-add -l` shows it",
      }),
    ),
    /** A command that signs what it reads, as program and arguments. */
    exec: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 4000 }), { minItems: 1, maxItems: 64 }),
    ),
    /** The key that `exec` signs with; alone, a key that this host does not reach. */
    publicKey: Type.Optional(publicKey),
    /** What `exec` reads; default: the message. */
    input: Type.Optional(Type.Enum(["message", "digest"])),
    /** How long `exec` may take; default 30s. */
    timeout: Type.Optional(word.duration),
  },
  { ...word.closed, title: "WitnessOps key holder" },
);
export type KeyHolder = Static<typeof keyHolderSchema>;

const holderKind: DocumentKind<KeyHolder> = { name: "key holder", schema: keyHolderSchema };

/** Reads a key holder from YAML or JSON. @throws ContractError with every fault. */
export function parseKeyHolder(text: string, file: string): KeyHolder {
  return readDocument(holderKind, text, { file });
}
