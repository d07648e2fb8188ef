import "node:crypto";
import "../contract/index.ts";
import "./index.test.ts";
