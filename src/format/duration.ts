const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** Shape of a duration: a whole number and `ms`, `s`, `m`, `h` or `d`. */
export const DURATION_PATTERN = "^[0-9]{1,9}(ms|s|m|h|d)$";
/** Shape of a byte size: a whole number and `B`, `kB`, `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`. */
export const SIZE_PATTERN = "^[0-9]{1,9}(B|kB|KB|MB|GB|KiB|MiB|GiB)$";

/** Milliseconds of a duration like `10s`. The text must have been validated against `DURATION_PATTERN`. */
export function millisOfDuration(text: string): number {
  return amount(text, UNITS);
}

/** Bytes of a size like `10MB`. The text must have been validated against `SIZE_PATTERN`. */
export function bytesOfSize(text: string): number {
  return amount(text, SIZES);
}

function amount(text: string, units: Readonly<Record<string, number>>): number {
  const match = /^(\d+)(.+)$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  if (match === null || factor === undefined) throw new RangeError(`\`${text}\` has no unit known here`);
  return Number(match[1]) * factor;
}
