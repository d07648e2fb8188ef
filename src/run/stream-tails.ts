import type { Head } from "./store.ts";

/** Heads of streams with appends under way: the next receipt is sealed without waiting for the commit before. */
export type StreamTails = Map<
  string,
  {
    head: Head | undefined;
    /** Time of the receipt at the head, as its host claimed it. */
    headTime: string | undefined;
    pending: number;
    seal: Promise<unknown>;
    broken: boolean;
  }
>;
