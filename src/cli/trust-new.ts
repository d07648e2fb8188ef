import type { Trust } from "../contract/trust.ts";
import { roles } from "../contract/vocabulary.ts";
import { parsePrincipalKey } from "../format/principal-key.ts";
import { choice } from "./choice.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { printTrust, writeTrust } from "./trust-file.ts";
import { trustedKeys } from "./trusted-keys.ts";
import { workspaceRoot } from "./workspace-root.ts";
import { workspaceTrust } from "./workspace-trust.ts";

const ISSUER_ROOT = "issuer-root";
const NOBODY: Trust = { apiVersion: "witnessops/v1", kind: "Trust", issuerRoots: [], principals: [] };

export const command = defineCommand({
  parameters: {
    path: argument("where to write the trust file; keep it outside any bundle"),
    fromWorkspace: flag("--from-workspace", "propose the keys of the workspace at `-C`"),
    confirm: repeatedOption(
      "--confirm <fingerprint=whom>",
      "a key that you compared with its holder by another channel, and whom it speaks for: `issuer-root`, or a principal with the roles you accept; only such keys are taken",
    ),
  },
  example:
    "trust new trust.json --from-workspace --confirm SHA256:…=issuer-root --confirm SHA256:…=ana:owner",
  async run({ path, fromWorkspace, confirm }, context) {
    if (!fromWorkspace) {
      if (confirm.length > 0)
        throw usage("`--confirm` needs `--from-workspace`", "or use `witnessops trust add`");
      const trust = writeTrust(path, NOBODY, { isNew: true });
      return { exit: exit.done, json: { path, trust }, print: (out) => printTrust(out, path, trust) };
    }
    const proposed = workspaceTrust(workspaceRoot(context));
    const keys = trustedKeys(proposed);
    if (confirm.length === 0) {
      return {
        exit: exit.waiting,
        json: { written: false, compare: keys },
        print(out) {
          out.line("Nothing was written: this is only what the workspace says of itself. Compare each");
          out.line("fingerprint with its holder by another channel, then run this again with one");
          out.line("`--confirm <fingerprint>=<whom>` for each that you accept, such as");
          for (const { keyId, holder, roles } of keys) {
            const whom = roles.length === 0 ? ISSUER_ROOT : `${holder}:${roles.join(",")}`;
            out.line(`  --confirm ${keyId}=${whom}`);
          }
          out.line();
          printTrust(out, "proposed", proposed);
        },
      };
    }
    const confirmed = confirm.reduce((trust, text) => take(trust, proposed, text), NOBODY);
    const trust = writeTrust(path, confirmed, { isNew: true });
    const taken = new Set(trustedKeys(trust).map(({ keyId }) => keyId));
    const left = keys.filter(({ keyId }) => !taken.has(keyId));
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

/**
 * Takes one confirmed key into a trust file. Whom it speaks for and with which roles are the reviewer's words: the
 * workspace could say anything of a key of its own.
 */
function take(trust: Trust, proposed: Trust, text: string): Trust {
  const [fingerprint, whom] = text.includes("=") ? splitAt(text) : [text, undefined];
  const isIt = ({ publicKey }: { publicKey: string }): boolean =>
    parsePrincipalKey({ publicKey }).keyId === fingerprint;
  const root = proposed.issuerRoots.find(isIt);
  const principal = proposed.principals.find(({ keys }) => keys.some(isIt));
  if (root === undefined && principal === undefined) {
    throw usage(`\`${fingerprint}\` is no key of the workspace`, "run without `--confirm` to see its keys");
  }
  if (whom === undefined) {
    const hint = `--confirm ${fingerprint}=${principal === undefined ? ISSUER_ROOT : `${principal.id}:<role>`}`;
    throw usage("`--confirm` says whom the key speaks for", hint);
  }
  if (root !== undefined) {
    if (whom !== ISSUER_ROOT)
      throw usage(`\`${fingerprint}\` is the issuer root of the workspace, not \`${whom}\``);
    return { ...trust, issuerRoots: [...trust.issuerRoots, root] };
  }
  const [id = "", names = ""] = whom.split(":", 2);
  const accepted = names.split(",").map((name) => choice("--confirm", name, roles));
  if (principal?.id !== id)
    throw usage(`\`${fingerprint}\` is a key of \`${principal?.id}\`, not of \`${id}\``);
  const keys = principal.keys.filter(isIt);
  return { ...trust, principals: [...trust.principals, { ...principal, roles: accepted, keys }] };
}

/** At the last `=`: base64 has none inside a fingerprint. */
function splitAt(text: string): [string, string] {
  const at = text.lastIndexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}
