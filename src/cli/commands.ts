import type { CliCommand } from "./command.ts";

/** One command: its words, one line about it, and where it lives. */
export interface CommandEntry {
  /** `noun verb`, or one word. */
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ readonly command: CliCommand }>;
}

/** Words that group commands, in the order of `--help`. */
export const nouns: readonly { readonly noun: string; readonly summary: string }[] = [
  { noun: "catalog", summary: "the contracts that may be called" },
  { noun: "runbook", summary: "ordered steps over contracts" },
  { noun: "engagement", summary: "who may do what to which targets, when and why" },
  { noun: "principal", summary: "people, agents and services of this workspace" },
  { noun: "key", summary: "key files" },
  { noun: "trust", summary: "what a reviewer trusts: trust.json" },
  { noun: "run", summary: "start, follow, approve and end runs" },
  { noun: "artifact", summary: "captured evidence" },
  { noun: "receipt", summary: "signed statements about governed events" },
  { noun: "bundle", summary: "proof bundles" },
];

/** Every command there is. */
export const commands: readonly CommandEntry[] = [
  { name: "key new", summary: "make an Ed25519 key file", load: () => import("./key-new.ts") },
  { name: "key list", summary: "list the keys of this workspace", load: () => import("./key-list.ts") },
  { name: "key export", summary: "print the public half of a key", load: () => import("./key-export.ts") },
];
