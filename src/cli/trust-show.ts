import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { printTrust, readTrust } from "./trust-file.ts";
import { trustedKeys } from "./trusted-keys.ts";

export const command = defineCommand({
  parameters: { path: argument("the trust file") },
  example: "trust show trust.json",
  async run({ path }) {
    const trust = readTrust(path);
    return {
      exit: exit.done,
      json: { trust, keys: trustedKeys(trust) },
      print: (out) => printTrust(out, path, trust),
    };
  },
});
