import { describe, expect, it } from 'vitest';
import { systemErrorText } from '../../src/cli/text.ts';

describe('the text of a system error', () => {
  it.each<[string, unknown, string]>([
    [
      'is that of perror',
      Object.assign(new Error('listen EADDRINUSE'), { errno: -98, code: 'EADDRINUSE' }),
      'Address already in use',
    ],
    ['is the message where the number is unknown', numbered('odd', -4711), 'odd'],
    ['is the message where there is no number', new RangeError('no such port'), 'no such port'],
    ['is the value that was thrown in place of an error', 'gone', 'gone'],
    ['is something even if nothing was thrown', undefined, 'undefined'],
  ])('%s', (_, error, text) => {
    expect(systemErrorText(error)).toBe(text);
  });
});

function numbered(message: string, errno: number): Error {
  return Object.assign(new Error(message), { errno });
}
