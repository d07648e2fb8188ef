import "../run/advance.ts";
export const adapters = [];
