import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Departures } from '../../src/node/departures.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ALICE = { remoteAddress: '192.0.2.1' };
const BOB = { remoteAddress: '192.0.2.2' };

it('tells a client that has not come back after some seconds', () => {
  const departures = new Departures();
  const signal = departures.leave(ALICE);
  expect(departures.leave(ALICE)).toBe(signal);
  departures.comeBack(BOB);
  vi.advanceTimersByTime(4999);
  expect(signal!.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal!.aborted).toBe(true);
  expect(departures.leave(ALICE)!.aborted).toBe(false);
});

it('does not tell of a client that has come back from the same address', () => {
  const departures = new Departures();
  const signal = departures.leave(ALICE);
  departures.comeBack(ALICE);
  const second = departures.leave(ALICE);
  vi.advanceTimersByTime(60_000);
  expect(signal!.aborted).toBe(false);
  expect(second!.aborted).toBe(true);
});

it('remembers a bounded number of addresses', () => {
  const departures = new Departures();
  for (let index = 0; index < 1024; index++) {
    expect(departures.leave({ remoteAddress: `2001:db8::${index}` })).toBeDefined();
  }
  expect(departures.leave(ALICE)).toBeUndefined();
  vi.advanceTimersByTime(5000);
  expect(departures.leave(ALICE)).toBeDefined();
});
