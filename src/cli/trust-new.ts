import { join } from "node:path";
import type { Trust } from "../contract/trust.ts";
import { parsePublicKey, publicKeyText } from "../format/public-key.ts";
import { readPublicKeyFile } from "../store/key-file.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { issuerRootPath } from "./issuer-key.ts";
import { openWorkspace } from "./open-definitions.ts";
import { printTrust, writeTrust } from "./trust-file.ts";
import { trustedKeys } from "./trusted-keys.ts";
import { workspaceRoot } from "./workspace-root.ts";

const NOBODY: Trust = { apiVersion: "witnessops/v1", kind: "Trust", issuerRoots: [], principals: [] };

export const command = defineCommand({
  parameters: {
    path: argument("where to write the trust file; keep it outside any bundle"),
    fromWorkspace: flag("--from-workspace", "propose the keys of the workspace at `-C`"),
    confirm: repeatedOption(
      "--confirm <fingerprint>",
      "a fingerprint that you compared with its holder by another channel; only confirmed keys are taken",
    ),
  },
  example: "trust new trust.json --from-workspace --confirm SHA256:…",
  async run({ path, fromWorkspace, confirm }, context) {
    if (!fromWorkspace) {
      if (confirm.length > 0)
        throw usage("`--confirm` needs `--from-workspace`", "or use `witnessops trust add`");
      const trust = writeTrust(path, NOBODY, { isNew: true });
      return { exit: exit.done, json: { path, trust }, print: (out) => printTrust(out, path, trust) };
    }
    const proposed = proposal(workspaceRoot(context));
    const keys = trustedKeys(proposed);
    for (const fingerprint of confirm) {
      if (keys.some(({ keyId }) => keyId === fingerprint)) continue;
      throw usage(`\`${fingerprint}\` is no key of the workspace`, "run without `--confirm` to see its keys");
    }
    if (confirm.length === 0) {
      return {
        exit: exit.waiting,
        json: { written: false, compare: keys },
        print(out) {
          out.line(
            "Nothing was written. Compare each fingerprint with its holder by another channel, then run this",
          );
          out.line("again with one `--confirm <fingerprint>` for each that you accept.");
          out.line();
          printTrust(out, "proposed", proposed);
        },
      };
    }
    const confirmed = onlyConfirmed(proposed, new Set(confirm));
    const trust = writeTrust(path, confirmed, { isNew: true });
    const left = keys.filter(({ keyId }) => !confirm.includes(keyId));
    return {
      exit: exit.done,
      json: { written: true, path, trust, leftOut: left },
      print(out) {
        printTrust(out, path, trust);
        for (const { holder, keyId } of left)
          out.line({ text: "left out: ", style: "warn" }, `${holder} ${keyId}`);
      },
    };
  },
});

/** What the workspace says about itself: its issuer root, and the principals whose signatures carry authority. */
function proposal(root: string): Trust {
  const definitions = openWorkspace(root);
  const issuerRoot = readPublicKeyFile(issuerRootPath(join(root, ".witnessops", "keys")));
  const people = definitions.principals().principals.filter(({ keys }) => keys.length > 0);
  return {
    ...NOBODY,
    issuerRoots: [{ name: definitions.workspace().name, publicKey: publicKeyText(issuerRoot) }],
    principals: people.map(({ id, type, roles, keys }) => ({ id, type, roles, keys })),
  };
}

function onlyConfirmed(trust: Trust, confirmed: ReadonlySet<string>): Trust {
  const isConfirmed = ({ publicKey }: { publicKey: string }): boolean =>
    confirmed.has(parsePublicKey(publicKey).keyId);
  return {
    ...trust,
    issuerRoots: trust.issuerRoots.filter(isConfirmed),
    principals: trust.principals
      .map((principal) => ({ ...principal, keys: principal.keys.filter(isConfirmed) }))
      .filter(({ keys }) => keys.length > 0),
  };
}
