/** Pieces of which the catalogue's entries are made. */
import type { Explanation } from '../reasons.ts';

/** An entry whose words are the same whatever the detail. */
export function entry(text: string, ...remedies: readonly string[]): Explanation {
  return { text: () => text, remedies: () => remedies };
}

/** The items that are there. */
export function present(...items: readonly (string | undefined | false)[]): string[] {
  return items.filter((item) => typeof item === 'string');
}

/** Parts of a sentence, joined by semicolons. */
export function sentence(...parts: readonly (string | undefined | false)[]): string {
  return present(...parts).join('; ');
}

/** The difference of two times in ISO 8601, in seconds. */
export function secondsBetween(from: string, to: string): number {
  return Math.abs(Date.parse(to) - Date.parse(from)) / 1000;
}

/** A duration for people: `301 s`, `39600 s (11 h)`. */
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 3600) return `${size} s`;
  if (size < 172_800) return `${size} s (${rounded(size / 3600)} h)`;
  return `${size} s (${rounded(size / 86_400)} days)`;
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}
