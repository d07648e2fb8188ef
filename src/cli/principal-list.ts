import { parsePrincipalKey } from "../format/principal-key.ts";
import { defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { openWorkspace } from "./open-definitions.ts";
import { withLedger } from "./open-ledger.ts";

export const command = defineCommand({
  parameters: {},
  example: "principal list",
  async run(_given, context) {
    const principals = await withLedger(context, (store, root) =>
      openWorkspace(root)
        .principals()
        .principals.map((principal) => ({
          id: principal.id,
          type: principal.type,
          name: principal.name,
          roles: principal.roles,
          status: store.status(`principal:${principal.id}`) ?? "active",
          keys: principal.keys.map(({ publicKey, custody }) => ({
            keyId: parsePrincipalKey({ publicKey }).keyId,
            custody,
          })),
        })),
    );
    return {
      exit: exit.done,
      json: { principals },
      print(out) {
        out.table(
          ["principal", "type", "roles", "status", "keys"],
          principals.map(({ id, type, roles, status, keys }) => [
            id,
            type,
            roles.join(", "),
            { text: status, style: status === "active" ? "plain" : "bad" },
            keys.map(({ keyId, custody }) => `${keyId} (${custody})`).join(", ") || "none",
          ]),
        );
      },
    };
  },
});
