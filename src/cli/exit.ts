/**
 * Exit statuses (design section 15). `done`: done, or valid. `refused`: refused, invalid, failed. `usage`: wrong
 * usage, or input that cannot be read. `waiting`: indeterminate, or waiting for somebody.
 */
export const exit = { done: 0, refused: 1, usage: 2, waiting: 3 } as const;
export type Exit = (typeof exit)[keyof typeof exit];
