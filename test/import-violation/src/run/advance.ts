import "node:fs";
import "../adapters/all.ts";
export const advance = 1;
