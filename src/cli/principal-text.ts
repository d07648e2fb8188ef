import type { PrincipalKind, Role } from "../contract/vocabulary.ts";

/** The text of a principal's file. */
export function principalText(principal: {
  readonly id: string;
  readonly type: PrincipalKind;
  readonly name: string;
  readonly email?: string | undefined;
  readonly roles: readonly Role[];
  readonly keys: readonly {
    readonly keyId: string;
    readonly publicKey: string;
    readonly custody: "held" | "local";
  }[];
}): string {
  const { id, type, name, email, roles } = principal;
  const keys = principal.keys.map(
    ({ keyId, publicKey, custody }) => `  # ${keyId}\n  - { publicKey: ${publicKey}, custody: ${custody} }\n`,
  );
  return `# yaml-language-server: $schema=../schemas/principal.schema.json
apiVersion: witnessops/v1
kind: Principal
id: ${id}
type: ${type}
name: ${JSON.stringify(name)}
${email === undefined ? "" : `email: ${JSON.stringify(email)}\n`}roles: [${roles.join(", ")}]
# held: the person keeps the key outside the workspace; local: this host holds it
keys:${keys.length === 0 ? " []\n" : `\n${keys.join("")}`}`;
}
