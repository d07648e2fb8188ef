import { cedarLanguageVersion } from "../gate/cedar-language.ts";
import { openDefinitions, type WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import type { Context } from "./command.ts";
import { workspaceRoot } from "./workspace-root.ts";

/** The authored documents of a workspace folder. */
export function openWorkspace(root: string): WorkspaceDefinitions {
  return openDefinitions(root, { cedarLanguageVersion: cedarLanguageVersion() });
}

/** The authored documents of the command's workspace. */
export function definitionsOf(context: Context): WorkspaceDefinitions {
  return openWorkspace(workspaceRoot(context));
}
