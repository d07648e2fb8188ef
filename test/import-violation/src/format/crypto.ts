import "node:crypto";
import "node:zlib";
