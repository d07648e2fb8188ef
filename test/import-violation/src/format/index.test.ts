import "node:fs";
export const fixture = 1;
