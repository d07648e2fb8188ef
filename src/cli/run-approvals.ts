import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ApprovalStatement } from "../contract/signed-statements.ts";
import { parseCanonicalJson } from "../format/canonical-json.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { sshPublicKeyText } from "../format/ssh-public-key.ts";
import { armorSshSignature, signingSshKey } from "../format/sshsig.ts";
import { SSH_NAMESPACES } from "../format/statement.ts";
import { readEnvelope } from "../run/document-pin.ts";
import { invocationsOf } from "../run/run-state.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { writeNewFile } from "./write-file.ts";

interface Recorded {
  readonly invocation: string;
  readonly digest: Digest;
  readonly envelope: Envelope;
  readonly statement: ApprovalStatement;
  readonly form: "ssh" | "dsse";
}

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    out: option("--out <folder>", "write each SSH-signed one there, for `ssh-keygen -Y verify`"),
  },
  example: "run approvals 3f9ab2c41d07e865 --out approvals",
  run({ run, out: folder }, context) {
    return withLane(context, async ({ lane }) => {
      const recorded = [...invocationsOf(lane.states.load(run))].flatMap(({ id, approvals }) =>
        approvals.map((digest) => recordedApproval(id, digest, readEnvelope(lane.store, digest))),
      );
      const written = folder === undefined ? [] : recorded.flatMap((one) => writeSigned(folder, one));
      return {
        exit: exit.done,
        json: recorded.map(({ invocation, digest, envelope, statement, form }) => ({
          invocation,
          digest,
          form,
          keyId: envelope.signature.keyId,
          statement,
        })),
        print(out) {
          out.table(
            ["step", "principal", "decision", "form", "key", "approval"],
            recorded.map(({ invocation, digest, envelope, statement, form }) => [
              invocation.slice(run.length + 1),
              statement.principal,
              statement.decision,
              form,
              envelope.signature.keyId,
              hexOf(digest).slice(0, 12),
            ]),
          );
          for (const { file, statement, namespace } of written) {
            out.line();
            out.line(
              `ssh-keygen -Y verify -f <your allowed_signers> -I ${statement.principal} -n ${namespace} -s ${file}.sig < ${file}`,
            );
          }
        },
      };
    });
  },
});

function recordedApproval(invocation: string, digest: Digest, envelope: Envelope): Recorded {
  // It was checked against its schema before it was recorded.
  const statement = parseCanonicalJson(envelope.payload) as unknown as ApprovalStatement;
  const form = signingSshKey(envelope.signature.sig) === undefined ? "dsse" : "ssh";
  return { invocation, digest, envelope, statement, form };
}

/** The signed bytes, the signature beside them, and a line that a person compares with their own allowed signers. */
function writeSigned(folder: string, { digest, envelope, statement }: Recorded) {
  const key = signingSshKey(envelope.signature.sig);
  const namespace = SSH_NAMESPACES.get(envelope.payloadType);
  if (key === undefined || namespace === undefined) return [];
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${statement.principal}-${hexOf(digest).slice(0, 12)}.json`);
  writeNewFile(file, envelope.payload);
  writeNewFile(`${file}.sig`, armorSshSignature(envelope.signature.sig));
  writeNewFile(
    `${file}.signer`,
    `${statement.principal} namespaces="${namespace}" ${sshPublicKeyText(key)}\n`,
  );
  return [{ file, statement, namespace }];
}
