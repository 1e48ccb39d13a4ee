/** Set up before each file of tests: what holds for properties that say nothing themselves. */
import fc from 'fast-check';
import { propertyFactor, runs } from './properties.ts';

fc.configureGlobal({
  numRuns: runs(100),
  // Without this a `maxLength` of any size means: up to ten.
  defaultSizeToMaxWhenMaxSpecified: true,
  // One seed for all: what a change breaks is seen, and not what luck finds at another's expense.
  ...(propertyFactor === 1 && { seed: 20260101 }),
});
