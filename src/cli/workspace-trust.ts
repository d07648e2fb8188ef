import type { Trust } from "../contract/trust.ts";
import { firstRoot } from "./first-root.ts";
import { openWorkspace } from "./open-definitions.ts";

/**
 * What a workspace says about itself: its issuer root, and the principals whose signatures carry authority.
 *
 * @param root folder of the workspace.
 */
export function workspaceTrust(root: string): Trust {
  const definitions = openWorkspace(root);
  const people = definitions.principals().principals.filter(({ keys }) => keys.length > 0);
  return {
    apiVersion: "witnessops/v1",
    kind: "Trust",
    issuerRoots: [{ name: definitions.workspace().name, publicKey: firstRoot(root) }],
    principals: people.map(({ id, type, roles, keys }) => ({ id, type, roles, keys })),
  };
}
