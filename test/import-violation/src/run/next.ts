import { previous } from "./previous.ts";
export const next = () => previous;
