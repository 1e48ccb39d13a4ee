/** The results for a reader. */
import type { JobResult } from './run-job.ts';
import type { Spread } from './statistics.ts';

/** A row for each job and contender. */
export function formatResults(results: readonly JobResult[]): string {
  const rows: string[][] = [HEAD];
  for (const { job, bytes, contenders } of results) {
    for (const [i, { name, p50, cpu, ratio, cpuRatio }] of contenders.entries()) {
      rows.push([
        i === 0 ? job : '',
        name,
        formatMicroseconds(p50),
        bytes === undefined ? `${Math.round(1e6 / p50)}/s` : `${(bytes / p50).toFixed(0)} MB/s`,
        formatMicroseconds(cpu),
        i === 0 ? '' : formatSpread(ratio),
        i === 0 ? '' : formatSpread(cpuRatio),
      ]);
    }
  }
  return formatTable(rows);
}

/** Columns as wide as they must be; the first two to the left. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

function formatMicroseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function formatSpread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
}

const HEAD = ['job', 'contender', 'p50 µs', 'rate', 'CPU µs', 'our time / its', 'our CPU / its'];
