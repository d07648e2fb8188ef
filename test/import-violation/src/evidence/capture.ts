import "node:fs";
import "node:net";
