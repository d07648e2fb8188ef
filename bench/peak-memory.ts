import { readFileSync } from "node:fs";

/** The most memory that this process had so far, in MiB. */
export function peakMiB(): number {
  // What `getrusage` says includes what the process that started this one had then.
  const own = /^VmHWM:\s*(\d+) kB$/m.exec(statusOf())?.[1];
  return (own === undefined ? process.resourceUsage().maxRSS : Number(own)) / 1024;
}

function statusOf(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
