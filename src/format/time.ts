/** A UTC instant as RFC 3339 text with milliseconds, e.g. `2026-11-23T10:00:00.000Z`. */
export type Utc = string;

const SHAPE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/** The instant as `Utc`. @param millis milliseconds since the epoch. */
export function utcFromMillis(millis: number): Utc {
  return new Date(millis).toISOString();
}

/** Milliseconds since the epoch, or undefined when the text is not a real UTC instant. */
export function millisOf(text: string): number | undefined {
  if (!SHAPE.test(text)) return undefined;
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? undefined : millis;
}
