/** The results for a reader. */
import type { JobResult } from './run-job.ts';
import type { Spread } from './statistics.ts';

/** A row for each job and contender; `own` are the names of our contenders. */
export function formatResult(result: JobResult, own: readonly string[]): string {
  const { job, bytes, contenders } = result;
  const head = [job, 'p50 µs', 'rate', 'CPU µs', ...own.map((name) => `${name} takes`)];
  const rows = contenders.map(({ name, p50, cpu, ratios }) => [
    `  ${name}`,
    formatMicroseconds(p50),
    bytes === undefined ? `${Math.round(1e6 / p50)}/s` : `${(bytes / p50).toFixed(0)} MB/s`,
    formatMicroseconds(cpu),
    ...own.map((our) => (our === name ? '' : formatRatio(ratios[our]?.p50))),
  ]);
  return formatTable([head, ...rows]);
}

/** A row for each contender, with its CPU as a share of that of another, round by round. */
export function formatShares(result: JobResult, baseOf: (name: string) => string): string {
  const rows = result.contenders.map(({ name, p50, cpu }) => {
    const base = result.contenders.find((contender) => contender.name === baseOf(name));
    const share = formatRatio(base?.ratios[name]?.cpu);
    const against = share === '' ? '' : `${share} of ${base!.name}`;
    return [`  ${name}`, '', `${Math.round(1e6 / p50)}/s`, formatMicroseconds(cpu), against];
  });
  return formatTable([[result.job, '', 'rate', 'CPU µs', 'CPU'], ...rows]);
}

/** Columns of the widths that the widest cells want, numbers to the right. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const format = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[0]!) : cell.padStart(WIDTHS[i] ?? LAST)))
      .join(' ')
      .trimEnd();
  return rows.map(format).join('\n');
}

function formatMicroseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** `0.71 × (0.69 to 0.80)`: for each second that the other takes. */
function formatRatio(spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const { median, min, max } = spread;
  return `${median.toFixed(2)} × (${min.toFixed(2)}–${max.toFixed(2)})`;
}

const WIDTHS = [26, 8, 10, 8];
const LAST = 20;
