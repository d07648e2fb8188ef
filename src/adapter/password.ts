import type { Call } from "./adapter.ts";

/** The password of a call's user, where the contract names one. */
export function passwordOf({ secrets }: Pick<Call, "secrets">): string | undefined {
  return secrets.find(({ into }) => into.kind === "password")?.value;
}
