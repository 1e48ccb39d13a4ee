import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/config/duration.ts';

const DAY = 86_400;

// The cases of MIT krb5's src/lib/krb5/krb/t_deltat.c that are not negative.
describe('parseDuration', () => {
  it.each([
    ['3d', 3 * DAY],
    ['3h', 10_800],
    ['3m', 180],
    ['3s', 3],
    ['3d4m    42s', 3 * DAY + 282],
    ['3d4h5m6s', 3 * DAY + 14_706],
    ['12345s', 12_345],
    ['1m 12345s', 12_405],
    ['1m12345s', 12_405],
    ['3d 0m', 3 * DAY],
    ['3d \n\t 0m  ', 3 * DAY],
    ['42-13:42:47', 42 * DAY + 49_367],
    ['12:34', 45_240],
    ['1:02:03', 3_723],
    ['3:4', 11_040],
    ['42', 42],
    ['0', 0],
    ['2147483647s', 2_147_483_647],
    ['24855d', 24_855 * DAY],
    ['24855d 3h 14m 7s', 2_147_483_647],
    ['596523h 847s', 2_147_483_647],
  ])('%j', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each([
    '',
    ' ',
    '3dd',
    '3d4m5h',
    '3: 4',
    '13:0003',
    '3:-4',
    '1-2',
    '1-2:3',
    '2147483648s',
    '24856d',
    '24855d 100000000h',
    '24855d 4h',
    '24855d 3h 14m 8s',
    '596524h',
    '99999999999',
    '5 minutes',
    '1.5',
    '-5',
    'x',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
