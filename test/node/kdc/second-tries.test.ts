import { expect, it } from 'vitest';
import { SecondTries } from '../../../src/node/kdc/second-tries.ts';

const SERVER = { host: '192.0.2.1', port: 88 };
const MOST = 64;

function fill(tries: SecondTries): (() => void)[] {
  return Array.from({ length: MOST }, () => tries.begin({ ...SERVER })!);
}

it('has room for 64 tries of one server', () => {
  const tries = new SecondTries();
  const ends = fill(tries);
  expect(ends).not.toContain(undefined);
  expect(tries.begin(SERVER)).toBeUndefined();
  expect(tries.begin({ ...SERVER, port: 750 })).toBeDefined();
  ends[0]!();
  expect(tries.begin(SERVER)).toBeDefined();
  expect(tries.begin(SERVER)).toBeUndefined();
});

it('calls in turn those that wait for room', () => {
  const tries = new SecondTries();
  const ends = fill(tries);
  const calls: string[] = [];
  const wait = (name: string, isNeeded: boolean) =>
    tries.whenRoom(SERVER, () => {
      calls.push(name);
      if (isNeeded) ends.push(tries.begin(SERVER)!);
    });
  wait('no longer needed', false);
  wait('first', true);
  const forget = wait('forgotten', true);
  wait('second', true);
  forget();
  ends.shift()!();
  expect(calls).toEqual(['no longer needed', 'first']);
  for (const end of ends.splice(0)) end();
  expect(calls).toEqual(['no longer needed', 'first', 'second']);
  for (const end of ends) end();
  expect(fill(tries)).not.toContain(undefined);
});
