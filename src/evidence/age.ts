import { CodedError } from "../format/coded-error.ts";
import { EvidenceError } from "./evidence-error.ts";

/** The age library, loaded when something is sealed or opened and not before: it would slow every start. */
const load = () => import("age-encryption");

/**
 * Encrypts a stream to age recipients (C2SP age), piece by piece.
 *
 * @param recipients native X25519 recipients, `age1…`, already checked.
 */
export async function sealStream(
  plaintext: ReadableStream<Uint8Array>,
  recipients: readonly string[],
): Promise<AsyncIterable<Uint8Array>> {
  const { Encrypter } = await load();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return (await encrypter.encrypt(plaintext)) as AsyncIterable<Uint8Array>;
}

/** A fresh identity, as an age identity file has it, and its recipient. */
export async function newIdentity(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await load();
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** Opens age files; undefined when none of the identities fits. */
export type Open = (ciphertext: AsyncIterable<Uint8Array>) => Promise<AsyncIterable<Uint8Array> | undefined>;

/**
 * Opens what was sealed, with the identities of an age identity file: `AGE-SECRET-KEY-1…` a line, comments with `#`.
 * What was opened throws EvidenceError `SEALED_DAMAGED` while it is read when its pieces do not authenticate.
 *
 * @throws EvidenceError `IDENTITY_MALFORMED`; its message shows nothing of the file.
 */
export async function ageOpener(identityFile: string): Promise<Open> {
  const { Decrypter } = await load();
  const decrypter = new Decrypter();
  const lines = identityFile.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (identities.length === 0) throw malformed();
  for (const identity of identities) {
    try {
      if (!/^AGE-SECRET-KEY-1[0-9A-Z]+$/.test(identity)) throw malformed();
      decrypter.addIdentity(identity);
    } catch {
      throw malformed();
    }
  }
  return async (ciphertext) => {
    let opened: AsyncIterable<Uint8Array>;
    try {
      opened = (await decrypter.decrypt(streamOf(ciphertext))) as AsyncIterable<Uint8Array>;
    } catch (cause) {
      if (cause instanceof Error && cause.message.startsWith("no identity matched")) return undefined;
      throw readable(cause);
    }
    return authenticated(opened);
  };
}

async function* authenticated(opened: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* opened;
  } catch (cause) {
    throw readable(cause);
  }
}

/** A fault of where the bytes come from stays what it is. */
function readable(cause: unknown): Error {
  return cause instanceof CodedError ? cause : damaged(cause);
}

function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function malformed(): EvidenceError {
  return new EvidenceError({
    code: "IDENTITY_MALFORMED",
    message: "the identity file holds something else than age identities",
    hint: "give a file of `age-keygen`: one `AGE-SECRET-KEY-1…` a line, comments begin with `#`",
  });
}

function damaged(cause: unknown): EvidenceError {
  return new EvidenceError({
    code: "SEALED_DAMAGED",
    message: "the sealed bytes do not authenticate: they are damaged, cut short, or no age file",
    hint: "take them from the bundle or the workspace again",
    cause,
  });
}
