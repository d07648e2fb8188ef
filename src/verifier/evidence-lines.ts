import type { Report } from "./report.ts";

/** What became of the evidence, a line for each artifact; what is indented belongs to the line before. */
export function evidenceLines({
  sealed,
  retired,
  quarantined,
  held,
  released,
  redacted,
}: Report["evidence"]): string[] {
  return [
    ...sealed.flatMap(({ artifact, commitment, recipients, opened }) => [
      `${artifact}: sealed, ${opened ? "opened, and it keeps its commitment" : "not opened"}`,
      `  commitment ${commitment}`,
      `  to ${recipients.join(", ")}`,
    ]),
    ...retired.map(
      ({ artifact, by, at, reason }) => `${artifact}: retired by ${by} at ${at} (host's claim): ${reason}`,
    ),
    ...quarantined.map((artifact) => `${artifact}: quarantined, nobody has classified it`),
    ...held.map(({ artifact, holds }) => `${artifact}: on hold, ${holds}`),
    ...released.map(
      ({ artifact, recipient, by, at }) => `${artifact}: released to ${recipient} by ${by} at ${at}`,
    ),
    ...redacted.map(
      ({ artifact, derivedFrom, by }) => `${artifact}: redacted from ${derivedFrom}, reviewed by ${by}`,
    ),
  ];
}
