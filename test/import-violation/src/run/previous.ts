import { next } from "./next.ts";
export const previous = () => next;
