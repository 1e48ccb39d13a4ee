/** Durations as krb5.conf writes them. */

/**
 * Seconds of `300`, `5m`, `1d 2h 3m 4s`, `1:30` (hours and minutes), `1:30:00`, `1-00:00:00`
 * (days first): the forms of MIT krb5's krb5_string_to_deltat, without negative ones.
 *
 * @returns undefined if it is none of them, or more than 2³¹ - 1.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  const parts = UNITS.exec(trimmed)?.slice(1) ?? clock(trimmed);
  if (parts === undefined || parts.every((part) => part === undefined)) return undefined;
  const [days, hours, minutes, seconds] = parts.map((part) => Number(part ?? 0));
  const total = ((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!;
  return total <= 0x7fffffff ? total : undefined;
}

function clock(text: string): (string | undefined)[] | undefined {
  const parts = CLOCK.exec(text);
  if (parts !== null) return parts.slice(1);
  return /^\d{1,10}$/.test(text) ? [undefined, undefined, undefined, text] : undefined;
}

const UNITS = /^(?:(\d{1,10})d)?\s*(?:(\d{1,10})h)?\s*(?:(\d{1,10})m)?\s*(?:(\d{1,10})s)?$/;
const CLOCK = /^(?:(\d{1,10})-(?=\d+:\d+:))?(\d{1,10}):(\d{1,2})(?::(\d{1,2}))?$/;
