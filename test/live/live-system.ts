import type { NetworkOptions } from "../../src/adapter/egress/guarded-network.ts";
import type { Engagement } from "../../src/contract/engagement.ts";
import type { JsonObject } from "../../src/format/json.ts";

/** One call of a contract of the catalog, made for real. */
export interface LiveCall {
  readonly inputs: JsonObject;
  /** Outputs that must come back; others may be there too. */
  readonly outputs: object;
  /** What the engagement permits besides the call's own subjects. */
  readonly engagement?: Partial<Engagement>;
}

/** A system that runs. */
export interface RunningSystem {
  readonly network?: Partial<Pick<NetworkOptions, "resolvers" | "extraCa">>;
  /** Values of the secrets that contracts refer to, by reference. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** By contract id, `system.name`. */
  readonly calls: Readonly<Record<string, LiveCall>>;
  close(): Promise<void> | void;
}

/** A system that contracts of the catalog are called against: a real one, from Debian or npm, or one that is described. */
export interface LiveSystem {
  /** `schema`: a server made from the vendor's own description rather than the system itself. Default `live`. */
  readonly checked?: "live" | "schema";
  /** What the contracts were held against, for the mark. */
  readonly name: string;
  /** Ids of the contracts that it checks: known without starting it. */
  readonly contracts: readonly string[];
  /** Undefined when it can be started here; else what the skipped test says. */
  missing(): string | undefined;
  /** @param folder the workspace that the calls are made in; it may put files there. */
  start(folder: string): Promise<RunningSystem>;
}
