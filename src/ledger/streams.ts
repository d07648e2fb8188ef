/** Stream of workspace events: keys, principals, catalog publication. */
export const WORKSPACE_STREAM = "workspace";

/** Stream of an engagement: authorizations, runs opened and closed, conclusions. */
export function engagementStream(engagement: string): string {
  return `engagement:${engagement}`;
}

/** Stream of one run: gates, pauses, approvals, dispatches, outcomes. */
export function runStream(run: string): string {
  return `run:${run}`;
}
