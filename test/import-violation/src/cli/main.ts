import "commander";
import "vitest";
import "./missing.ts";
import "../../scripts/tool.ts";
import "../plugin/index.ts";
export const main = 1;
