import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EventRate } from '../../../src/node/server/event-rate.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('passes on one event a second, the latest, and the number of the others', () => {
  const passed: [string, number][] = [];
  const rate = new EventRate<string>((event, more) => passed.push([event, more]));
  rate.push('a');
  expect(passed.splice(0)).toEqual([['a', 0]]);
  for (const event of ['b', 'c', 'd']) rate.push(event);
  vi.advanceTimersByTime(999);
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(passed.splice(0)).toEqual([['d', 2]]);
  rate.push('e');
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(passed.splice(0)).toEqual([['e', 0]]);
  vi.advanceTimersByTime(1000);
  rate.push('f');
  expect(passed).toEqual([['f', 0]]);
});
