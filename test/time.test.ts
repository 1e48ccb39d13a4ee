import { describe, expect, test } from 'vitest';
import { formatTime, splitTime } from '../src/time.ts';

describe('splitTime', () => {
  test.each([
    [0, 0, 0],
    [1_700_000_000_999, 1_700_000_000, 999_000],
    [1_700_000_000_123.5, 1_700_000_000, 123_500],
    [-1, -1, 999_000],
  ])('splits %d ms into %d s and %d µs', (time, seconds, microseconds) => {
    expect(splitTime(time)).toEqual({ seconds, microseconds });
  });
});

test('formatTime has whole seconds', () => {
  expect(formatTime(0)).toBe('1970-01-01T00:00:00Z');
});
