import type { TimeReport } from "./report.ts";

/** When something was, in words: the host's claim, and between which instants others put it. */
export function timeText({ claimed, bound, notBefore, notAfter }: TimeReport): string {
  const claim = `claimed ${claimed}`;
  if (bound === "host-asserted") return `${claim}; host-asserted`;
  const bounds = [
    ...(notBefore === undefined ? [] : [`not before ${notBefore}`]),
    ...(notAfter === undefined ? [] : [`not after ${notAfter}`]),
  ];
  return `${claim}; bounded: ${bounds.join(", ")}`;
}
