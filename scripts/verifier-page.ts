import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reportStyle } from "../src/verifier/report-style.ts";

const root = join(import.meta.dirname, "..");

/** The page: its policy lets nothing run but this script, nothing load, and nothing be sent. */
export function verifierPage(script: string, worker: string): string {
  const style = reportStyle + readFileSync(join(root, "src/page/page.css"), "utf8");
  const sha256 = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'",
    "connect-src 'none'",
    `script-src ${sha256(script)} 'wasm-unsafe-eval'`,
    `style-src ${sha256(style)}`,
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types witnessops-worker",
  ].join("; ");
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const parts: Readonly<Record<string, string>> = { policy, style, version, worker, script };
  const used = new Set<string>();
  const template = readFileSync(join(root, "src/page/verifier.html"), "utf8");
  const page = template.replace(/\{\{([a-z]+)\}\}/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`the page has no part \`${name}\``);
    used.add(name);
    return part;
  });
  if (used.size !== Object.keys(parts).length) throw new Error(`the page has only ${[...used].join(", ")}`);
  return page;
}
