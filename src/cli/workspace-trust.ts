import { join } from "node:path";
import type { Trust } from "../contract/trust.ts";
import { publicKeyText } from "../format/public-key.ts";
import { readPublicKeyFile } from "../store/key-file.ts";
import { issuerRootPath } from "./issuer-key.ts";
import { openWorkspace } from "./open-definitions.ts";

/**
 * What a workspace says about itself: its issuer root, and the principals whose signatures carry authority.
 *
 * @param root folder of the workspace.
 */
export function workspaceTrust(root: string): Trust {
  const definitions = openWorkspace(root);
  const issuerRoot = readPublicKeyFile(issuerRootPath(join(root, ".witnessops", "keys")));
  const people = definitions.principals().principals.filter(({ keys }) => keys.length > 0);
  return {
    apiVersion: "witnessops/v1",
    kind: "Trust",
    issuerRoots: [{ name: definitions.workspace().name, publicKey: publicKeyText(issuerRoot) }],
    principals: people.map(({ id, type, roles, keys }) => ({ id, type, roles, keys })),
  };
}
