/** Id of an invocation: `run/step`, or `run/step[key]`. */
export function invocationName(run: string, step: { id: string; key?: string } | undefined): string {
  const id = step?.id ?? "";
  return step?.key === undefined ? `${run}/${id}` : `${run}/${id}[${step.key}]`;
}
