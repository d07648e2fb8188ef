const VERSION = "4.5";

/**
 * Version of the Cedar language that policies are decided with, as it stands in every policy set. Known
 * without loading the engine; `openPolicies` checks that the engine says the same.
 */
export function cedarLanguageVersion(): string {
  return VERSION;
}
