import type { Json, JsonObject } from "../format/json.ts";
import type { Contract } from "./contract.ts";
import type { TargetAuthorization } from "./engagement.ts";

export type Challenge = NonNullable<TargetAuthorization["challenge"]>;

/** The contract that looks a challenge up. */
export function lookUpContract({ method }: Pick<Challenge, "method">): string {
  return method === "well-known" ? "http.control" : "dns.control";
}

/**
 * Whether a call asked just what a challenge asks: its own domain, and everything else as the contract has it by
 * default. Who answers on another port of a host need not be who controls the host.
 */
export function isLookUpOf(challenge: Challenge, contract: Contract, inputs: JsonObject): boolean {
  if (contract.id !== lookUpContract(challenge)) return false;
  const properties = (contract.inputs.properties ?? {}) as { readonly [name: string]: { default?: Json } };
  return Object.entries(inputs).every(([name, value]) =>
    name === "domain" ? value === challenge.domain : value === properties[name]?.default,
  );
}
