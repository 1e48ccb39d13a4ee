import { describe, expect, it } from 'vitest';
import type { OptionRules } from '../src/options.ts';
import {
  bytes,
  callback,
  checkOptions,
  definite,
  flag,
  kind,
  listOf,
  objectWith,
  oneOf,
  optionsOf,
  promptCallback,
  required,
  text,
  wholeNumber,
} from '../src/options.ts';

interface Options {
  readonly door: object;
  readonly lock?: boolean;
  readonly policy?: string;
  readonly limit?: number;
  readonly name?: string;
  readonly names?: readonly string[];
  readonly key?: Uint8Array;
  readonly judge?: () => boolean;
  readonly hook?: () => unknown;
  readonly window?: { readonly height: number };
}

const RULES: OptionRules<Options> = {
  door: required(objectWith('a door', 'open', 'close')),
  lock: definite(flag),
  policy: oneOf('strict', 'lax'),
  limit: wholeNumber(1, 10),
  name: text,
  names: listOf(text),
  key: bytes,
  judge: promptCallback,
  hook: callback,
  window: optionsOf<{ readonly height: number }>({ height: required(wholeNumber(1)) }),
};

const door = { open: () => {}, close: () => {} };

function check(options: unknown): void {
  checkOptions('makeHouse', options as Options, RULES);
}

describe('options', () => {
  it('are taken where each is what its rule says', () => {
    check({ door });
    check({
      door,
      lock: false,
      policy: 'lax',
      limit: 10,
      name: 'x',
      names: ['a', 'b'],
      key: Buffer.from('k'),
      judge: () => true,
      hook: async () => {},
      window: { height: 1 },
    });
  });

  it('may be undefined where that is as absent', () => {
    check({ door, policy: undefined, limit: undefined, hook: undefined });
    // What an object inherits is given, too.
    check(Object.create({ door }));
  });

  it.each<[unknown, ErrorConstructor, string]>([
    [{}, TypeError, 'door: expected a door, got undefined'],
    [{ door: undefined }, TypeError, 'door: expected a door, got undefined'],
    [{ door: { open: () => {} } }, TypeError, 'door: expected a door, got an object'],
    [
      { door: Promise.resolve(door) },
      TypeError,
      'door: expected a door, got a promise: is an await missing?',
    ],
    [
      { door, lock: undefined },
      TypeError,
      'lock: expected a value, got undefined; omit the option to use its default',
    ],
    [{ door, lock: 'no' }, TypeError, 'lock: expected true or false, got text'],
    [{ door, lock: null }, TypeError, 'lock: expected true or false, got null'],
    [{ door, policy: 'Strict' }, RangeError, 'policy: expected strict, lax, got Strict'],
    [{ door, policy: true }, RangeError, 'policy: expected strict, lax, got true'],
    [
      { door, policy: Promise.resolve('lax') },
      TypeError,
      'policy: expected strict, lax, got a promise: is an await missing?',
    ],
    ...[0, 11, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', 5n].map(
      (limit): [unknown, ErrorConstructor, string] => [
        { door, limit },
        RangeError,
        `limit: expected a whole number, from 1 to 10, got ${limit}`,
      ],
    ),
    [{ door, name: '' }, TypeError, 'name: expected text, got empty text'],
    [{ door, names: 'a' }, TypeError, 'names: expected a list, got text'],
    [{ door, names: ['a', undefined] }, TypeError, 'names: expected text, got undefined'],
    [{ door, key: 'secret' }, TypeError, 'key: expected a Uint8Array, got text'],
    [{ door, key: [1] }, TypeError, 'key: expected a Uint8Array, got a list'],
    [
      { door, judge: async () => true },
      TypeError,
      'judge: expected a function that is not async, got a function',
    ],
    [{ door, hook: true }, TypeError, 'hook: expected a function, got true'],
    [{ door, window: 3 }, TypeError, 'window: expected an object with height; got 3'],
    [
      { door, window: { height: 0 } },
      RangeError,
      'window.height: expected a whole number, at least 1, got 0',
    ],
    [
      { door, window: { hight: 1 } },
      TypeError,
      'window: expected no option "hight"; is height meant?',
    ],
    [{ door, Lock: true }, TypeError, 'makeHouse: expected no option "Lock"; is lock meant?'],
    [{ door, polcy: 'lax' }, TypeError, 'makeHouse: expected no option "polcy"; is policy meant?'],
    [{ door, lock_: undefined }, TypeError, '"lock_"; is lock meant?'],
    [
      { door, elephant: 1 },
      TypeError,
      '"elephant"; there are door, lock, policy, limit, name, names, key, judge, hook, window',
    ],
    [{ door, constructor: 1 }, TypeError, 'expected no option "constructor"'],
    [undefined, TypeError, 'makeHouse: expected an object with door, lock'],
    [null, TypeError, 'got null'],
    [[door], TypeError, 'got a list'],
    ['text', TypeError, 'got text'],
    [Promise.resolve({ door }), TypeError, 'got a promise: is an await missing?'],
  ])('are refused: %o', (options, type, message) => {
    expect(() => check(options)).toThrow(type);
    expect(() => check(options)).toThrow(message);
  });

  it('are checked where a class has them as getters, which no loop over its members sees', () => {
    class Settings {
      get door(): object {
        return door;
      }
      get policy(): string {
        return this.chosen;
      }
      get lock(): boolean | undefined {
        return this.locked;
      }
      get chosen(): string {
        return 'lax';
      }
      get locked(): boolean | undefined {
        return true;
      }
    }
    check(new Settings());
    class Misspelt extends Settings {
      override get chosen(): string {
        return 'Strict';
      }
    }
    expect(() => check(new Misspelt())).toThrow('policy: expected strict, lax, got Strict');
    class Unset extends Settings {
      override get locked(): undefined {
        return undefined;
      }
    }
    expect(() => check(new Unset())).toThrow('lock: expected a value, got undefined');
  });

  it('of a kind that says more of itself', () => {
    const even = kind('an even number', (value) => (value as number) % 2 === 0);
    expect(() => checkOptions('f', { n: 3 }, { n: even })).toThrow(
      new TypeError('n: expected an even number, got 3'),
    );
  });
});
