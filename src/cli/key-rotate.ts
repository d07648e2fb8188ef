import { recordKeyRetired } from "../run/record-keys.ts";
import { keyStatus } from "../run/revoked-keys.ts";
import { usage } from "./cli-error.ts";
import { defineCommand, option, optionalArgument, type Result } from "./command.ts";
import { exit } from "./exit.ts";
import { issuerSlots } from "./issuer-key.ts";
import { type OpenLane, withLane } from "./open-lane.ts";
import { openSigner } from "./open-signer.ts";
import { readCertificate } from "./read-certificate.ts";
import { rotateRoot } from "./rotate-root.ts";

export const command = defineCommand({
  parameters: {
    what: optionalArgument(
      "`issuer` (default): the keys that receipts are signed with; `root`: what certifies them",
    ),
    root: option(
      "--root <key>",
      "the issuer root when it is held elsewhere: a key file, `agent:<fingerprint>`, or a `.yaml` holder",
    ),
    certificate: option(
      "--certificate <file>",
      "a certificate that `key certify` made where the root is held",
    ),
    to: option("--to <public key>", "with `root`: the next root's public key, when it is held elsewhere"),
  },
  example: "key rotate --root /media/root.pem",
  async run({ what = "issuer", root, certificate, to }, context): Promise<Result> {
    if (what !== "issuer" && what !== "root") throw usage(`\`${what}\` is neither \`issuer\` nor \`root\``);
    if (what === "root" && certificate !== undefined)
      throw usage("`--certificate` is for issuer keys", "witnessops key rotate --certificate <file>");
    if (what === "issuer" && to !== undefined)
      throw usage("`--to` is for the root", "witnessops key rotate root");
    const signer = root === undefined ? undefined : await openSigner(root);
    if (what === "root")
      return withLane(context, (opened) => rotateRoot(opened, signer, to), { issuer: { root: signer } });
    const made = certificate === undefined ? undefined : readCertificate(certificate);
    return withLane(context, retireOthers, { issuer: { fresh: true, root: signer, certificate: made } });
  },
});

/** Ends every other issuer key that no living process signs with. */
async function retireOthers({ lane, definitions, places, leaseOwner }: OpenLane): Promise<Result> {
  const { owner } = definitions.workspace();
  const now = lane.signer.publicKey.keyId;
  const retired: string[] = [];
  const busy: string[] = [];
  for (const slot of issuerSlots(places)) {
    if (!slot.taken) continue;
    if (!(await lane.store.acquireLease(slot.lease, leaseOwner))) {
      busy.push(slot.name);
      continue;
    }
    let release = true;
    try {
      const { keyId } = (await slot.open()).publicKey;
      if (keyId === now) {
        // The lease is this process's own, taken when it opened.
        release = false;
        continue;
      }
      if (keyStatus(lane.store, keyId) === undefined) await recordKeyRetired(lane, owner, keyId);
      // Recorded first: a key that is removed and not recorded would seem to be in use.
      slot.remove();
      retired.push(keyId);
    } finally {
      if (release) await lane.store.releaseLease(slot.lease, leaseOwner);
    }
  }
  return {
    exit: exit.done,
    json: { keyId: now, retired, busy },
    print(out) {
      out.line(`receipts are signed with ${now} from now on`);
      for (const keyId of retired) out.line(`ended: ${keyId}`);
      for (const name of busy)
        out.line(
          { text: "still in use: ", style: "warn" },
          `${name}; rotate again when its process has ended`,
        );
    },
  };
}
