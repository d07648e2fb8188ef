import type { Fault } from "../../adapter/adapter.ts";

/** What this side does not do, or not go on with; ends the statement with its fault. */
export class SqlRefused extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.name = "SqlRefused";
    this.fault = fault;
  }
}
