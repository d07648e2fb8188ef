import type { Report } from "./report.ts";

/** What became of the evidence, a line for each artifact; what is indented belongs to the line before. */
export function evidenceLines({
  sealed,
  retired,
  quarantined,
  carried,
  held,
  released,
  redacted,
}: Report["evidence"]): string[] {
  return [
    ...sealed.flatMap(({ artifact, digest, commitment, recipients, opened }) => [
      `${artifact}: sealed, ${opened ? "opened, and it keeps its commitment" : "not opened"}`,
      `  ${digest}`,
      `  commitment ${commitment}`,
      `  to ${recipients.join(", ")}`,
    ]),
    ...retired.flatMap(({ artifact, digest, by, at, reason, receipt }) => [
      `${artifact}: retired by ${by} at ${at} (host's claim): ${reason}`,
      `  ${digest}, by receipt ${receipt}`,
    ]),
    ...quarantined.map((artifact) => `${artifact}: quarantined, nobody has classified it`),
    ...carried.map(
      ({ artifact, although }) =>
        `${artifact}: ${although}, and this bundle still carries its bytes: whoever has it can read them`,
    ),
    ...held.map(({ artifact, holds }) => `${artifact}: on hold, ${holds}`),
    ...released.flatMap(({ artifact, recipient, commitment, by, at, reason }) => [
      `${artifact}: released to ${recipient} by ${by} at ${at} (host's claim)${reason === undefined ? "" : `: ${reason}`}`,
      `  commitment ${commitment}`,
    ]),
    ...redacted.map(
      ({ artifact, derivedFrom, by }) => `${artifact}: redacted from ${derivedFrom}, reviewed by ${by}`,
    ),
  ];
}
