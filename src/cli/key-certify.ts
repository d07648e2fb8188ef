import { canonicalJson } from "../format/canonical-json.ts";
import { envelopeToJson } from "../format/dsse.ts";
import { certifyKey } from "../receipt/certify-key.ts";
import { argument, defineCommand, flag, requiredOption } from "./command.ts";
import { confirm } from "./confirm.ts";
import { exit } from "./exit.ts";
import { certificateValidity } from "./issuer-key.ts";
import { readKeyRequest } from "./key-request.ts";
import { openSigner } from "./open-signer.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    request: argument("the request that a workspace left for its issuer root; needs no workspace"),
    root: requiredOption(
      "--root <key>",
      "the issuer root: a key file, `agent:<fingerprint>`, or a `.yaml` holder",
    ),
    out: requiredOption("--out <file>", "where the certificate goes"),
    yes: flag("--yes", "certify without asking: the fingerprint was compared before"),
  },
  example: "key certify issuer-1.request.json --root root.pem --out certificate.json",
  async run({ request: path, root, out, yes }) {
    const { request, key } = readKeyRequest(path);
    const signer = await openSigner(root);
    if (!yes)
      await confirm(`Certify ${key.keyId}, asked for by the workspace ${request.workspace}?`, "certify");
    const validity = certificateValidity(Date.now());
    const envelope = await certifyKey(signer, key, validity);
    writeNewFile(out, canonicalJson(envelopeToJson(envelope)));
    return {
      exit: exit.done,
      json: { path: out, keyId: key.keyId, root: signer.publicKey.keyId, notAfter: validity.notAfter },
      print(printer) {
        printer.line(`${key.keyId} is certified by ${signer.publicKey.keyId} until ${validity.notAfter}.`);
        printer.line("In the workspace:");
        printer.line(`  witnessops key rotate --certificate ${out}`);
      },
    };
  },
});
