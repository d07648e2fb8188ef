import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { catalogLockText } from "../contract/parse-catalog-lock.ts";
import { parsePrincipal } from "../contract/parse-principal.ts";
import { type PublicKey, publicKeyText } from "../format/public-key.ts";
import { recordCatalogPublished, recordPrincipalAdded } from "../run/record-governance.ts";
import { createKeyFile, publicKeyPem, readPublicKeyFile } from "../store/key-file.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import { parseWorkspace } from "../store/workspace-file.ts";
import { buildLock } from "./build-lock.ts";
import { refused } from "./cli-error.ts";
import { defineCommand, option, optionalArgument, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { issuerRootPath } from "./issuer-root.ts";
import { openWorkspace } from "./open-definitions.ts";
import { openLane } from "./open-lane.ts";
import { ledgerPath } from "./open-ledger.ts";
import { packageRoot } from "./package-files.ts";
import { passphrase } from "./passphrase.ts";
import { principalText } from "./principal-text.ts";

/** What comes with the project, and what it is called in a workspace. */
const COPIES = [
  ["catalog", "catalog"],
  ["operations", "operations"],
  ["runbooks", "runbooks"],
  ["policies", "policies"],
  ["schemas", "schemas"],
  ["examples/tools", "tools"],
] as const;
const MADE = [
  "witnessops.yaml",
  ".gitignore",
  ".witnessops",
  "catalog.lock.json",
  "principals",
  "engagements",
];

export const command = defineCommand({
  parameters: {
    dir: optionalArgument("folder of the new workspace (default: the current one)"),
    owner: requiredOption("--owner <id>", "principal id of the owner"),
    ownerKey: requiredOption(
      "--owner-key <file>",
      "the owner's key file, outside the workspace; made when missing",
    ),
    ownerName: option("--owner-name <text>", "the owner's full name (default: the id)"),
    name: option("--name <text>", "name of the workspace (default: the folder's)"),
  },
  example: "init acme --owner ana --owner-key ~/.witnessops/ana.pem",
  async run({ dir = ".", owner, ownerKey, ownerName = owner, name }, context) {
    const root = resolve(dir);
    refuseCollisions(root);
    refuseInside(root, resolve(ownerKey));
    const workspaceText = textOfWorkspace(name ?? basename(root), owner);
    parseWorkspace(workspaceText, "witnessops.yaml");
    const makesKey = !existsSync(ownerKey);
    const isNewFolder = !existsSync(root);
    try {
      const key = makesKey
        ? makeOwnerKey(ownerKey)
        : readPublicKeyFile(ownerKey, { passphrase: passphrase() });
      context.progress(`making ${root}`);
      const receipts = await make(root, workspaceText, { id: owner, name: ownerName, key });
      const json = {
        root,
        owner,
        ownerKey: resolve(ownerKey),
        ownerKeyId: key.keyId,
        keyMade: makesKey,
        ...receipts,
      };
      return {
        exit: exit.done,
        json,
        print(out) {
          out.pairs([
            ["workspace", root],
            ["owner", `${owner}, ${key.keyId}`],
            ["owner's key", `${ownerKey}${makesKey ? " (made now: keep it safe and off this host)" : ""}`],
            ["contracts", `${receipts.contracts} locked`],
          ]);
          out.heading("next");
          const at = relative(process.cwd(), root);
          if (at !== "") out.line(`  cd ${at}`);
          out.line("  witnessops doctor");
          out.line("  witnessops principal add <id> --name <name> --role approver --public-key <file>");
          out.line("  witnessops engagement new <id> --include <target> --approver <id>");
          out.line(`  witnessops engagement authorize <id> --key ${keyFrom(root, ownerKey)}`);
          out.line("  witnessops run start exposure-check --input target=<target>");
        },
      };
    } catch (error) {
      undo(root, isNewFolder);
      throw error;
    }
  },
});

async function make(
  root: string,
  workspaceText: string,
  owner: { id: string; name: string; key: PublicKey },
) {
  const keys = join(root, ".witnessops", "keys");
  mkdirSync(join(root, "engagements"), { recursive: true });
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  mkdirSync(join(root, "principals"));
  for (const [from, to] of COPIES) {
    const source = join(packageRoot(), from);
    if (existsSync(source)) cpSync(source, join(root, to), { recursive: true });
  }
  writeFileSync(join(root, "witnessops.yaml"), workspaceText);
  writeFileSync(join(root, ".gitignore"), ".witnessops/\n");
  const text = principalText({
    id: owner.id,
    type: "human",
    name: owner.name,
    roles: ["owner", "operator"],
    keys: [{ keyId: owner.key.keyId, publicKey: publicKeyText(owner.key), custody: "held" }],
  });
  const file = join("principals", `${owner.id}.yaml`);
  const principal = parsePrincipal(text, { file });
  writeFileSync(join(root, file), text);
  const authored = openWorkspace(root);
  const documents = { contracts: authored.contracts(), runbooks: authored.runbooks() };
  const { lock } = buildLock(documents, undefined);
  writeFileSync(join(root, "catalog.lock.json"), catalogLockText(lock));
  createKeyFile(issuerRootPath(keys));
  openSqliteStore(ledgerPath(root)).close();

  const { lane, close } = await openLane(root, { isNew: true });
  try {
    await recordPrincipalAdded(lane, owner.id, principal);
    await recordCatalogPublished(lane, owner.id, lock);
    return { issuerRoot: lane.issuerRoot, contracts: Object.keys(lock.contracts).length };
  } finally {
    await close();
  }
}

function textOfWorkspace(name: string, owner: string): string {
  return `# What makes this folder a WitnessOps workspace.
apiVersion: witnessops/v1
kind: Workspace
name: ${JSON.stringify(name)}
owner: ${owner}
# network:
#   resolvers: ["192.0.2.53:53"]  # default: the host's
#   extraCa: ca.pem               # further certificate authorities
`;
}

function makeOwnerKey(path: string): PublicKey {
  mkdirSync(dirname(resolve(path)), { recursive: true, mode: 0o700 });
  const { publicKey } = createKeyFile(path, { passphrase: passphrase() });
  if (!existsSync(`${path}.pub`)) writeFileSync(`${path}.pub`, publicKeyPem(publicKey), { flag: "wx" });
  return publicKey;
}

function refuseCollisions(root: string): void {
  const names = [...MADE, ...COPIES.map(([, to]) => to)];
  const taken = names.filter((name) => existsSync(join(root, name)));
  if (taken.length === 0) return;
  const hint = "name an empty folder";
  if (taken.includes("witnessops.yaml")) throw refused(`\`${root}\` is a workspace already`, hint);
  throw refused(`\`${root}\` already has ${taken.map((name) => `\`${name}\``).join(", ")}`, hint);
}

/** How the owner names their private key from inside the workspace; of a public key we do not know where it lies. */
function keyFrom(root: string, path: string): string {
  if (readFileSync(path, "utf8").includes("PRIVATE KEY-----")) return relative(root, resolve(path));
  return "<owner key file>";
}

/** A key that this host holds with the workspace would not be the owner's own. */
function refuseInside(root: string, key: string): void {
  const real = (path: string): string => {
    for (let at = path; ; at = dirname(at)) {
      if (existsSync(at)) return join(realpathSync(at), relative(at, path));
    }
  };
  if (!`${real(key)}${sep}`.startsWith(`${real(root)}${sep}`)) return;
  throw refused(
    "the owner's key may not lie inside the workspace",
    "name a path outside it, best on another medium",
  );
}

/** Leaves nothing half-made. The owner's key stays: it is theirs. */
function undo(root: string, isNewFolder: boolean): void {
  if (!existsSync(root)) return;
  for (const name of [...MADE, ...COPIES.map(([, to]) => to)])
    rmSync(join(root, name), { recursive: true, force: true });
  if (isNewFolder && readdirSync(root).length === 0) rmSync(root, { recursive: true });
}
