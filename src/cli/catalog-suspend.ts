import { defineCommand } from "./command.ts";
import { setContractStatus, statusParameters } from "./contract-status.ts";

export const command = defineCommand({
  parameters: statusParameters,
  example: "catalog suspend tcp.probe@1.0.0 --reason 'CVE in the tool'",
  run: (given, context) => setContractStatus(given, "suspended", context),
});
