import { describe, expect, it, vi } from 'vitest';
import { tell } from '../src/hooks.ts';
import { printWarning } from '../src/warning.ts';
import { collectWarnings } from './support/warnings.ts';

const CODE = 'KRB5_ACCEPTOR_HOOK';

function failing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

describe('a hook', () => {
  it('is told all of it, and may be absent', () => {
    const told: unknown[] = [];
    tell('onEvent', (...args: unknown[]) => told.push(args), 1, 'two');
    tell('onEvent', undefined, 1);
    expect(told).toEqual([[1, 'two']]);
  });

  it.each<[string, () => unknown]>([
    ['throws', failing(new Error('disk full'))],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    [
      'returns a thenable that throws',
      () => {
        // biome-ignore lint/suspicious/noThenProperty: as an application may have one.
        return { then: failing(new Error('disk full')) };
      },
    ],
    [
      'returns what throws when it is asked for',
      () => Object.defineProperty({}, 'then', { get: failing(new Error('disk full')) }),
    ],
  ])('that %s is a warning, once for all calls', async (_, hook) => {
    using warnings = collectWarnings();
    for (let time = 0; time < 3; time++) tell('onFailure', hook);
    expect(await warnings.seen()).toEqual([
      {
        code: CODE,
        message:
          'onFailure failed: disk full. The exchange goes on. onFailure is still called; further ' +
          'failures are not reported',
      },
    ]);
  });

  it.each<[unknown, string]>([
    ['text', 'onEvent failed: text.'],
    [undefined, 'onEvent failed: undefined.'],
    [new Error('alice\n\x1b[2J'), 'onEvent failed: alice\\x0a\\x1b[2J.'],
    [new Error('x'.repeat(10_000)), `onEvent failed: ${'x'.repeat(256)}....`],
    [Object.create(null), 'onEvent failed: something that has no text.'],
  ])('may throw whatever it likes: %o', async (error, message) => {
    using warnings = collectWarnings();
    tell('onEvent', failing(error));
    expect((await warnings.seen())[0]?.message.startsWith(message)).toBe(true);
  });
});

describe('a warning to the operator', () => {
  it('goes to the console where the runtime has no warnings, and nowhere where that fails', () => {
    vi.stubGlobal('process', undefined);
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      printWarning('message', 'CODE');
      expect(warn.mock.calls).toEqual([['CODE: message']]);
      warn.mockImplementation(failing(new Error('no console')));
      printWarning('message', 'CODE');
      expect(warn).toHaveBeenCalledTimes(2);
    } finally {
      vi.unstubAllGlobals();
      warn.mockRestore();
    }
  });
});
