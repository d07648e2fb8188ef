import "ansi-styles";
export const tool = 1;
