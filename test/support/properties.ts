/**
 * How many cases a property is tried with. `PROPERTY_FACTOR=50 npm run test:unit` tries fifty times
 * as many, other ones each time; without it they are few and always the same.
 */
import process from 'node:process';

/** Above 0; 1 unless the environment says otherwise. */
export const propertyFactor: number = readFactor(process.env.PROPERTY_FACTOR);

/** What to give fast-check as `numRuns` in place of a plain number. */
export function runs(count: number): number {
  return Math.ceil(count * propertyFactor);
}

function readFactor(text: string | undefined): number {
  const factor = Number(text || 1);
  if (factor > 0 && Number.isFinite(factor)) return factor;
  throw new RangeError(`PROPERTY_FACTOR: expected a number above 0, got ${text}`);
}
