export const tcp = 1;
