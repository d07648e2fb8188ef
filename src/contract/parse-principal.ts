import { CodedError } from "../format/coded-error.ts";
import type { Json } from "../format/json.ts";
import { type KeyEntry, keyIdentity, parsePrincipalKey } from "../format/principal-key.ts";
import { type Reporter, ruleUnique, ruleWindow } from "./document-rules.ts";
import type { Path } from "./fault.ts";
import { type DocumentKind, documentFromJson, type Inspection, readDocument } from "./inspect-document.ts";
import { type Principal, type PrincipalSet, principalSchema, principalSetSchema } from "./principal.ts";

/** What a principal is: its schema, and the rules that the schema cannot say. */
export const principalKind: DocumentKind<Principal> = {
  name: "principal",
  schema: principalSchema,
  rules(principal) {
    rulePrincipal(principal, [], { type: principal.raw.type, roles: principal.part("roles") ?? [] });
    ruleKeys(principal, ["keys"], principal.items("keys"));
  },
};

/** What a principal set is. */
export const principalSetKind: DocumentKind<PrincipalSet> = {
  name: "principal set",
  schema: principalSetSchema,
  rules: setRules,
};

/** Reads a principal from YAML. @throws ContractError with every fault, each with path and line. */
export function parsePrincipal(text: string, options: { file?: string } = {}): Principal {
  return readDocument(principalKind, text, options);
}

/** A principal from a JSON value. @throws ContractError with every fault. */
export function principalFromJson(value: Json): Principal {
  return documentFromJson(principalKind, value);
}

/** A pinned principal set: sorted by id, no id and no key twice. @throws ContractError with every fault. */
export function principalSetFromJson(value: Json): PrincipalSet {
  return documentFromJson(principalSetKind, value);
}

type Key = KeyEntry & { readonly notBefore?: string; readonly notAfter?: string };

/** Reports keys that cannot be used, dates that do not fit, and a key that is listed twice. */
export function ruleKeys(to: Reporter, at: Path, keys: readonly (readonly [number, Key])[]): void {
  for (const [index, key] of keys) {
    ruleWindow(to, [...at, index], key);
    try {
      parsePrincipalKey(key);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      to.report([...at, index, "publicKey"], "value", error.message);
    }
  }
  const seen = new Set<string>();
  for (const [index, { publicKey }] of keys) {
    const identity = keyIdentity(publicKey) ?? publicKey;
    if (seen.has(identity))
      to.report([...at, index, "publicKey"], "duplicate", `the key \`${publicKey}\` occurs twice`);
    seen.add(identity);
  }
}

/** Reports a key that belongs to two principals: a signature by it would be either's. */
export function ruleOneOwner(
  to: Reporter,
  principals: readonly (readonly [Path, { readonly id: string; readonly keys: readonly Key[] }])[],
): void {
  const owners = new Map<string, string>();
  for (const [at, { id, keys }] of principals) {
    for (const [index, { publicKey }] of keys.entries()) {
      const identity = keyIdentity(publicKey) ?? publicKey;
      const owner = owners.get(identity);
      if (owner !== undefined && owner !== id) {
        to.report(
          [...at, "keys", index, "publicKey"],
          "duplicate",
          `the key belongs to \`${owner}\` already`,
        );
      }
      owners.set(identity, owner ?? id);
    }
  }
}

/** Reports roles that the kind of principal cannot have. */
export function rulePrincipal(
  to: Reporter,
  at: Path,
  principal: { readonly type: unknown; readonly roles: readonly string[] },
): void {
  for (const [index, role] of principal.roles.entries()) {
    if (principal.type === "agent" && (role === "approver" || role === "owner")) {
      to.report([...at, "roles", index], "value", `an agent is never \`${role}\``);
    }
  }
}

function setRules(set: Inspection<PrincipalSet>): void {
  const principals = set.items("principals");
  ruleUnique(
    set,
    principals.map(([index, { id }]) => [["principals", index, "id"], id]),
    "principal",
  );
  for (const [index, principal] of principals) {
    const at = ["principals", index];
    rulePrincipal(set, at, principal);
    ruleKeys(set, [...at, "keys"], [...principal.keys.entries()]);
    const before = principals.find(([other]) => other === index - 1)?.[1];
    if (before !== undefined && before.id > principal.id)
      set.report([...at, "id"], "value", "principals are sorted by id");
  }
  ruleOneOwner(
    set,
    principals.map(([index, principal]) => [["principals", index], principal]),
  );
}
