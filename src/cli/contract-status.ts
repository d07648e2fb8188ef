import { recordContractStatus } from "../run/record-governance.ts";
import { notFound, refused } from "./cli-error.ts";
import { argument, type Context, option, type Result, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

/** What `catalog suspend`, `revoke` and `reinstate` take. */
export const statusParameters = {
  contract: argument("`id@version` of a contract in the lock"),
  reason: requiredOption("--reason <text>", "why"),
  as: option("--as <principal>", "who says so (default: the workspace's owner)"),
};

/** Changes what every run reads live about a contract; receipted, and only reinstating loosens again. */
export function setContractStatus(
  {
    contract,
    reason,
    as,
  }: { readonly contract: string; readonly reason: string; readonly as: string | undefined },
  status: "suspended" | "revoked" | "active",
  context: Context,
): Promise<Result> {
  return withLane(context, async ({ lane, definitions }) => {
    if (!Object.hasOwn(definitions.lock().contracts, contract))
      throw notFound(`the catalog lock has no \`${contract}\``, "witnessops catalog list");
    const before = lane.store.status(`contract:${contract}`) ?? "active";
    if (before === "revoked")
      throw refused(`\`${contract}\` is revoked, which is final`, "publish another version of it");
    if (before === status) throw refused(`\`${contract}\` is ${status} already`, "witnessops doctor");
    const actor = as ?? definitions.workspace().owner;
    const { digest } = await recordContractStatus(lane, actor, contract, status, reason);
    return {
      exit: exit.done,
      json: { contract, status, reason, receipt: digest },
      print: (out) =>
        out.line(
          status === "active"
            ? `${contract} may be called again`
            : `${contract} is ${status}: the catalog gate denies every call of it from now on`,
        ),
    };
  });
}
