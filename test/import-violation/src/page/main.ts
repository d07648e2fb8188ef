import "node:fs";
import "../contract/index.ts";
