import type { SecretValue } from "../../adapter/adapter.ts";
import type { Operation, SecurityScheme } from "../../contract/openapi/operation.ts";

/**
 * Whether the contract's secrets go where the operation's security schemes say, and are enough. In words what is wrong,
 * else undefined. An operation that describes no security has nothing to hold them against.
 */
export function secretProblem(operation: Operation, secrets: readonly SecretValue[]): string | undefined {
  const { security, schemes } = operation;
  if (security.length === 0) return undefined;
  const filled = new Set<string>();
  for (const secret of secrets) {
    const names = Object.entries(schemes).flatMap(([name, scheme]) => (fits(secret, scheme) ? [name] : []));
    if (names.length === 0)
      return `secret \`${secret.name}\` goes where no security scheme of the operation has a place: ${placesOf(schemes)}`;
    for (const name of names) filled.add(name);
  }
  if (security.some((alternative) => alternative.every((name) => filled.has(name)))) return undefined;
  const ways = security.map((names) => names.map((name) => `\`${name}\``).join(" and ") || "nothing");
  return `the operation asks for ${ways.join(", or ")}: ${placesOf(schemes)}`;
}

function fits({ into }: SecretValue, { type, in: place, name = "", scheme }: SecurityScheme): boolean {
  const form = into.scheme ?? "raw";
  if (type === "apiKey") {
    const isSame =
      into.kind === "header" ? into.name.toLowerCase() === name.toLowerCase() : into.name === name;
    return into.kind === place && isSame && form === "raw";
  }
  if (into.kind !== "header" || into.name.toLowerCase() !== "authorization") return false;
  if (type === "http") return scheme === form;
  return (type === "oauth2" || type === "openIdConnect") && form === "bearer";
}

function placesOf(schemes: Operation["schemes"]): string {
  const places = Object.entries(schemes).map(([name, { type, in: place, name: key, scheme }]) => {
    if (type === "apiKey") return `\`${name}\` is ${place} \`${key}\``;
    if (type === "mutualTLS") return `\`${name}\` is a client certificate, which is not supported`;
    return `\`${name}\` is header \`authorization\`, ${type === "http" ? scheme : "bearer"}`;
  });
  return places.join("; ");
}
